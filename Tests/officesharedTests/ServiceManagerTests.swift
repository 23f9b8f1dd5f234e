import Foundation
import Logging
import OfficeConfiguration
import OfficeCore
import ServiceLifecycle
import Synchronization
import Testing

@testable import OfficeSystem

@Suite("The service manager's view")
struct ServiceManagerTests {
    private let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }

    @Test("hears what it is told, by path and by abstract name", arguments: [true, false])
    func messages(isAbstract: Bool) async throws {
        try await withTemporaryFolder { folder in
            let address = isAbstract ? "@officeshare-\(UInt32.random(in: 0 ... .max))" : folder.path + "/notify"
            let receiver = try DatagramReceiver(at: address)
            let manager = ServiceManager(environment: ["NOTIFY_SOCKET": address], logger: logger)
            #expect(manager.isPresent)
            await manager.ready(status: "2 of 3\nREADY=0")
            #expect(try await receiver.next() == "READY=1\nSTATUS=2 of 3\\nREADY=0")
            await manager.status("all")
            #expect(try await receiver.next() == "STATUS=all")
            await manager.alive()
            #expect(try await receiver.next() == "WATCHDOG=1")
            let before = monotonicMicroseconds()
            await manager.reloading()
            let lines = try await receiver.next().split(separator: "\n")
            #expect(lines.first == "RELOADING=1")
            let time = try #require(lines.last?.split(separator: "=").last.flatMap { Int($0) })
            #expect((before...monotonicMicroseconds()).contains(time))
            await manager.stopping()
            #expect(try await receiver.next() == "STOPPING=1\nSTATUS=stopping")
        }
    }

    @Test("without one, or with one that isn't there, nothing happens")
    func absent() async {
        await ServiceManager(environment: [:], logger: logger).ready(status: "x")
        await ServiceManager(environment: ["NOTIFY_SOCKET": "/nonexistent/notify"], logger: logger).alive()
        for address in ["", "vsock:2:1", "relative", "/", "@", "/" + String(repeating: "a", count: 107), "/a\0b"] {
            #expect(NotifySocket(address: address) == nil, "\(address)")
        }
        #expect(NotifySocket(address: "/" + String(repeating: "a", count: 106)) != nil)
    }

    @Test("its watchdog counts only when it is meant for this process")
    func watchdog() {
        func watchdog(_ environment: [String: String]) -> Duration? {
            ServiceManager(environment: environment, processID: 42, logger: logger).watchdog
        }
        #expect(watchdog(["WATCHDOG_USEC": "3000000"]) == .seconds(3))
        #expect(watchdog(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "42"]) == .seconds(3))
        #expect(watchdog(["WATCHDOG_USEC": "3000000", "WATCHDOG_PID": "43"]) == nil)
        for text in ["0", "-1", "", "x", "99999999999999999999"] { #expect(watchdog(["WATCHDOG_USEC": text]) == nil) }
        let manager = ServiceManager(environment: ["WATCHDOG_USEC": "3000000"], logger: logger)
        #expect(Heartbeat.interval(of: manager) == .milliseconds(1500))
    }

    @Test("no sign of life while the daemon is not well, and none before it is ready")
    func health() async throws {
        try await withTemporaryFolder { folder in
            let receiver = try DatagramReceiver(at: folder.path + "/notify")
            let environment = ["NOTIFY_SOCKET": receiver.address, "WATCHDOG_USEC": "2000"]
            let manager = ServiceManager(environment: environment, logger: logger)
            let asked = Mutex(0)
            let composition = Composition(
                parts: [], ready: {},
                isHealthy: {
                    asked.withLock {
                        $0 += 1
                        return $0 > 5
                    }
                },
                status: { "asked \(asked.withLock { min($0, 1) })" }, reload: { _ in })
            let heartbeat = Heartbeat(
                manager: manager, composition: composition, interval: Heartbeat.interval(of: manager), onStopping: {},
                logger: logger)
            let task = Task { try await heartbeat.run() }
            #expect(try await receiver.next() == "READY=1\nSTATUS=asked 0")
            #expect(try await receiver.next() == "STATUS=asked 1")
            #expect(try await receiver.next() == "WATCHDOG=1")
            #expect(asked.withLock { $0 } > 5)
            task.cancel()
            #expect(try await receiver.nextBesideWatchdog() == "STOPPING=1\nSTATUS=stopping")
            try await task.value
        }
    }

    private func monotonicMicroseconds() -> Int {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        return now.tv_sec * 1_000_000 + now.tv_nsec / 1000
    }
}

@Suite("The supervisor", .timeLimit(.minutes(1)))
struct SupervisorTests {
    /// A service that hears neither a shutdown nor a cancellation.
    private struct Stubborn: Service {
        func run() async throws {
            await withCheckedContinuation { (continuation: CheckedContinuation<Void, Never>) in
                // Kept, never resumed: this is the point.
                DispatchQueue.global().asyncAfter(deadline: .distantFuture) { continuation.resume() }
            }
        }
    }

    private struct Failing: Service {
        func run() async throws { throw OfficeError(.exists, "port 8747", "it is taken") }
    }

    private static func composition(
        _ parts: [Composition.Part], ready: @escaping @Sendable () async throws -> Void = {}
    )
        -> Composition
    {
        Composition(parts: parts, ready: ready, isHealthy: { true }, status: { "" }, reload: { _ in })
    }

    private static func supervisor() -> Supervisor {
        var patience = Supervisor.Patience()
        patience.graceful = .milliseconds(100)
        patience.whole = .milliseconds(300)
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        return Supervisor(manager: ServiceManager(environment: [:], logger: logger), patience: patience, logger: logger)
    }

    @Test("a service that doesn't stop can't hold the process up")
    func stubborn() async {
        await #expect(processExitsWith: .exitCode(74)) {
            let composition = Self.composition([.init("stubborn", Stubborn())]) { kill(getpid(), SIGTERM) }
            try await Self.supervisor().run(composition, settings: Settings()) { SettingsReader.Reading() }
            exit(0)
        }
    }

    @Test("SIGTERM and SIGINT end it in order", arguments: [SIGTERM, SIGINT])
    func orderly(signal: Int32) async {
        await #expect(processExitsWith: .exitCode(0)) { [signal] in
            let composition = Self.composition([]) { kill(getpid(), signal) }
            try await Self.supervisor().run(composition, settings: Settings()) { SettingsReader.Reading() }
            exit(0)
        }
    }

    @Test("what a service fails with is what comes out")
    func failing() async {
        await #expect(processExitsWith: .exitCode(73)) {
            do {
                let composition = Self.composition([.init("failing", Failing())])
                try await Self.supervisor().run(composition, settings: Settings()) { SettingsReader.Reading() }
            } catch let error as OfficeError { exit(error.code.exitStatus) }
        }
    }

    @Test("limits that need more descriptors than there are don't start")
    func descriptors() throws {
        let (limits, printing) = (Settings().limits, Settings().printing)
        let needed =
            limits.connections + limits.controlConnections + limits.openFiles + printing.connections + 256
        try Descriptors.check(Settings(), available: needed)
        #expect(throws: OfficeError.self) { try Descriptors.check(Settings(), available: needed - 1) }
        #expect(Descriptors.raiseLimit() >= 1024)
    }
}
