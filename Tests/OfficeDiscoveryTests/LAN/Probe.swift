import Foundation
import Testing
import discoveryprobe

/// A running `discoveryprobe`, and what it has seen so far.
actor Probe {
    /// Beside the tests, where SwiftPM puts all executables.
    static let path = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
        .deletingLastPathComponent().appendingPathComponent("discoveryprobe").path

    private let process: Process
    private let input: FileHandle
    private let stream: AsyncStream<ProbeEvent>
    private(set) var events: [ProbeEvent] = []

    init(_ words: [String]) throws {
        let process = Process()
        let output = Pipe()
        let input = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = words
        process.standardOutput = output
        process.standardInput = input
        process.standardError = FileHandle.nullDevice
        self.process = process
        self.input = input.fileHandleForWriting
        stream = Self.events(from: output.fileHandleForReading)
        try process.run()
    }

    private static func events(from handle: FileHandle) -> AsyncStream<ProbeEvent> {
        let (events, continuation) = AsyncStream<ProbeEvent>.makeStream()
        Thread.detachNewThread {
            var rest = Data()
            while case let data = handle.availableData, !data.isEmpty {
                rest += data
                while let end = rest.firstIndex(of: 0x0A) {
                    if let event = try? JSONDecoder().decode(ProbeEvent.self, from: rest[..<end]) {
                        continuation.yield(event)
                    }
                    rest = Data(rest[(end + 1)...])
                }
            }
            continuation.finish()
        }
        return events
    }

    /// The next event of that kind that is as wanted; what comes before it is kept in `events`.
    @discardableResult
    func next(_ kind: String, where isWanted: (ProbeEvent) -> Bool = { _ in true }) async throws -> ProbeEvent {
        for await event in stream {
            events.append(event)
            if event.event == kind, isWanted(event) { return event }
        }
        throw CommandFailure(description: "the probe ended without '\(kind)'; it said: \(events)")
    }

    /// Waits until a node is found.
    @discardableResult
    func finds(_ name: String) async throws -> ProbeEvent { try await next("found") { $0.name == name } }

    @discardableResult
    func loses(_ name: String) async throws -> ProbeEvent { try await next("lost") { $0.name == name } }

    func tell(_ line: String) throws { try input.write(contentsOf: Data((line + "\n").utf8)) }

    /// Whether anything so far was like that.
    func saw(_ isMeant: (ProbeEvent) -> Bool) -> Bool { events.contains(where: isMeant) }

    /// Fails where anything was like that since the first event of another kind.
    func expectNone(
        since begin: (ProbeEvent) -> Bool = { _ in true }, at location: SourceLocation = #_sourceLocation,
        _ isMeant: (ProbeEvent) -> Bool
    ) {
        let wrong = events.drop { !begin($0) }.filter(isMeant)
        #expect(wrong.isEmpty, "of \(events)", sourceLocation: location)
    }

    /// Whose names were told so far.
    var names: Set<String> { Set(events.compactMap(\.name)) }

    /// kB of anonymous memory.
    func memory() async throws -> Int {
        try tell("memory")
        return try await next("memory").kilobytes ?? .max
    }

    /// Ends it as a service is ended: what it announced is withdrawn.
    func stop() { try? input.close() }

    nonisolated func kill9() { kill(process.processIdentifier, SIGKILL) }
}
