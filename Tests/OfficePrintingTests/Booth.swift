import BoothDesk
import Foundation
import OfficeCore
import OfficeLab
import OfficePrinting
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// A running `printerbooth`, which lies beside the tests: the endpoint as programs and the local cupsd meet it.
final class Booth: Sendable {
    let folder: String
    private let options: [String]
    private let running = Mutex<(child: Child, commands: Int32, port: Int)?>(nil)

    /// Runs `body` with a booth that listens on a free port.
    static func with<Result>(_ options: [String] = [], _ body: (Booth) async throws -> Result) async throws -> Result {
        let booth = Booth(options)
        do {
            try await booth.start()
            let result = try await body(booth)
            await booth.remove()
            return result
        } catch {
            let log = booth.text("err")
            await booth.remove()
            throw OfficeError(.fault, "\(error)", "the booth's log ends with:\n\(log.suffix(4_000))")
        }
    }

    private init(_ options: [String]) {
        self.options = options
        folder = "/tmp/osbooth-\(UUID().uuidString.lowercased())"
    }

    var port: Int { running.withLock { $0?.port ?? 0 } }

    func uri(_ queue: String = BoothQueue.laserName) -> String { "ipp://localhost:\(port)/printers/\(queue)" }

    /// Starts it, again on the port that it had.
    func start() async throws {
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
            .deletingLastPathComponent().appendingPathComponent("printerbooth").path
        let fifo = "\(folder)/in"
        unlink(fifo)
        guard mkfifo(fifo, 0o600) == 0 else { throw OfficeError(.io, fifo, "it can't be made") }
        // Read and write: opening it waits for nobody.
        let commands = open(fifo, O_RDWR | O_CLOEXEC)
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC
        let output = open("\(folder)/out", flags | O_TRUNC, 0o644)
        let error = open("\(folder)/err", flags | O_APPEND, 0o644)
        let port = port
        let child = try Child(
            [program, "--port", "\(port)"] + options + ["\(folder)/paper"], environment: Command.environment,
            input: commands, output: output, error: error)
        for descriptor in [output, error] { close(descriptor) }
        running.withLock { $0 = (child, commands, port) }
        try await eventually("the booth listens", within: .seconds(20)) {
            guard let told = text("out").split(separator: "\n").first?.split(separator: " ").last, let port = Int(told)
            else { return false }
            running.withLock { $0?.port = port }
            return true
        }
    }

    func signal(_ number: Int32) { running.withLock { $0?.child.signal(number) } }

    func kill() async {
        guard let child = running.withLock({ $0?.child }) else { return }
        child.signal(SIGKILL)
        _ = await child.ended()
        running.withLock { if let commands = $0?.commands { close(commands) } }
    }

    /// A line for its standard input; returns once it is obeyed.
    func say(_ command: String) async throws {
        guard let commands = running.withLock({ $0?.commands }) else { return }
        let before = text("out").split(separator: "\n").count
        let line = Array("\(command)\n".utf8)
        guard write(commands, line, line.count) == line.count else { throw OfficeError(.io, "booth", "it is gone") }
        try await eventually("the booth obeys") { text("out").split(separator: "\n").count > before }
    }

    /// Every job that it has accepted.
    var records: [FolderDesk.Record] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/paper")) ?? []
        return names.filter { $0.hasSuffix(".json") }.compactMap { name in
            FileManager.default.contents(atPath: "\(folder)/paper/\(name)").flatMap {
                try? JSONDecoder().decode(FolderDesk.Record.self, from: $0)
            }
        }.sorted { $0.number < $1.number }
    }

    /// Bytes of what a job prints.
    func document(of record: FolderDesk.Record) -> Data {
        FileManager.default.contents(atPath: "\(folder)/paper/\(record.report.id).document") ?? Data()
    }

    private func text(_ name: String) -> String {
        String(decoding: FileManager.default.contents(atPath: "\(folder)/\(name)") ?? Data(), as: UTF8.self)
    }

    private func remove() async {
        await kill()
        try? FileManager.default.removeItem(atPath: folder)
    }
}
