import Foundation
import OfficeConfiguration
import Testing

/// The program itself, as systemd and people run it.
@Suite("officeshared, run", .timeLimit(.minutes(1)))
struct ProgramTests {
    /// The build's own, beside the test bundle.
    static let program = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath().deletingLastPathComponent()
        .appending(path: "officeshared")

    /// A run of the program with everything it keeps in `folder`.
    private func process(_ arguments: [String], environment: [String: String] = [:]) -> Process {
        let process = Process()
        process.executableURL = Self.program
        process.arguments = arguments
        process.environment = ["PATH": "/usr/bin"].merging(environment) { $1 }
        return process
    }

    /// Its exit status, what it wrote to standard output, and to standard error.
    private func run(_ arguments: [String], environment: [String: String] = [:]) async throws -> (Int32, String, String)
    {
        let process = process(arguments, environment: environment)
        let (out, err) = (Pipe(), Pipe())
        (process.standardOutput, process.standardError) = (out, err)
        try await ended(process) {}
        let texts = [out, err].map { String(decoding: $0.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self) }
        return (process.terminationStatus, texts[0], texts[1])
    }

    /// Starts `process`, does `body`, and waits for its end; what still runs after a failure is killed.
    private func ended(_ process: Process, _ body: () async throws -> Void) async throws {
        let (ends, end) = AsyncStream<Void>.makeStream()
        process.terminationHandler = { _ in end.finish() }
        try process.run()
        do { try await body() } catch {
            kill(process.processIdentifier, SIGKILL)
            throw error
        }
        for await _ in ends {}
    }

    @Test("--check-config says OK, or every problem, and exits 78")
    func checkConfig() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "c.yaml").path
            try Data("port: 1\n".utf8).write(to: URL(filePath: file))
            let good = try await run(["--config", file, "--check-config", "--set", "limits.shares=2"])
            #expect(good == (0, "\(file): OK\n", ""))

            try Data("prot: 1\nport: x\n".utf8).write(to: URL(filePath: file))
            let bad = try await run(["--config", file, "--check-config"], environment: ["OFFICESHARE_FOO": "1"])
            #expect(bad.0 == 78 && bad.1 == "")
            #expect(
                bad.2 == """
                    officeshared: OFFICESHARE_FOO: there is no such variable. officeshare.yaml(5) lists them all.
                    officeshared: \(file):1: prot: there is no such key. Did you mean 'port'?
                    officeshared: \(file):2: port: 'x' is not a whole number. Give a whole number from 1 to 65535.

                    """)
            #expect(try await run(["--config", file]).0 == 78, "it doesn't start with it either")
        }
    }

    @Test("wrong usage is 64")
    func usage() async throws {
        #expect(try await run(["--nonsense"]).0 == 64)
        #expect(try await run(["--set", "port"]).0 == 64)
        #expect(try await run(["--version"]).0 == 0)
    }

    @Test("tells its manager of ready, reload and stop, keeps a good configuration, and ends with 0")
    func life() async throws {
        try await withTemporaryFolder { folder in
            let file = folder.appending(path: "c.yaml")
            try Data("logLevel: info\n".utf8).write(to: file)
            let receiver = try DatagramReceiver(at: folder.path + "/notify")
            let process = process(
                [
                    "--config", file.path, "--state-directory", folder.path + "/state", "--control-socket",
                    folder.path + "/control.sock", "--listen", "127.0.0.1", "--port", "\(try freePort())", "--set",
                    "discovery.mdns=false",
                ], environment: ["NOTIFY_SOCKET": receiver.address, "WATCHDOG_USEC": "200000"])
            let log = Pipe()
            process.standardError = log
            try await ended(process) {
                #expect(try await receiver.nextBesideWatchdog().hasPrefix("READY=1\nSTATUS="))
                for text in ["logLevel: debug\nport: 1\n", "prot: 1\n"] {
                    try Data(text.utf8).write(to: file)
                    kill(process.processIdentifier, SIGHUP)
                    #expect(try await answer(of: receiver, "RELOADING=1").contains("MONOTONIC_USEC="))
                    #expect(try await answer(of: receiver, "READY=1").contains("STATUS="))
                }
                kill(process.processIdentifier, SIGTERM)
                _ = try await answer(of: receiver, "STOPPING=1")
            }
            #expect(process.terminationStatus == 0 && process.terminationReason == .exit)
            let lines = String(decoding: log.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            #expect(lines.contains("configuration read again"))
            #expect(lines.contains("the configuration is wrong, the old one stays error=\"\(file.path):1: prot: "))
        }
    }

    /// The next message that begins so; a status may change in between.
    private func answer(of receiver: DatagramReceiver, _ start: String) async throws -> String {
        while true {
            let message = try await receiver.next()
            if message.hasPrefix(start) { return message }
        }
    }

    /// A port that nothing on this machine has now.
    private func freePort() throws -> UInt16 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(descriptor) }
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = INADDR_LOOPBACK.bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let got = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && getsockname(descriptor, $0, &length) == 0
            }
        }
        guard got else { throw POSIXError(.EADDRNOTAVAIL) }
        return UInt16(bigEndian: name.sin_port)
    }
}
