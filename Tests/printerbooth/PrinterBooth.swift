import ArgumentParser
import BoothDesk
import Foundation
import Logging
import NIOPosix
import OfficeConfiguration
import OfficePrinting
import OfficeServer
import ServiceLifecycle

/// The printer endpoint as a program of its own, with a folder in place of the office: for `ipptool`, for cupsd, and for
/// tests that call as different users.
///
/// Says `listening PORT` once it does. On standard input: `complete` (what waits is printed), `wait` (what waits is printed, what comes waits),
/// `away`, `back`; its end is the program's.
@main
struct PrinterBooth: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "printerbooth", abstract: "Serves two printers whose paper is a folder.")

    @Option(help: "The port on loopback; 0: a free one.") var port: UInt16 = 0
    @Flag(help: "Jobs wait until 'complete'.") var wait = false
    @Option(help: "The socket of the cupsd that prints here.") var cups: String?
    @Option(help: "Milliseconds that printing takes.") var pace: Int?
    @Option(help: "A setting: printing.openJobs=3.") var set: [String] = []
    @Argument(help: "Where documents are written.") var folder: String

    func run() async throws {
        let desk = try FolderDesk(
            folder: folder, node: BoothQueue.here, queues: [try BoothQueue.laser(), try BoothQueue.plain()],
            isPatient: wait, milliseconds: pace)
        var logger = Logger(label: "booth") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .notice
        let listener = PrinterListener(
            port: port, live: LiveSettings(try await settings()), desk: desk, node: BoothQueue.here,
            cups: cups.map { CUPSScheduler(socket: $0) },
            group: MultiThreadedEventLoopGroup.singleton, logger: logger
        ) { port in
            Self.say("listening \(port)")
        }
        let services = ServiceGroup(services: [listener], logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await services.run() }
            for await line in Self.lines() { try await obey(line, desk) }
            await services.triggerGracefulShutdown()
        }
    }

    private func settings() async throws -> Settings {
        let flags = try set.map { text in
            let halves = text.split(separator: "=", maxSplits: 1)
            guard halves.count == 2 else { throw ValidationError("'\(text)' is no setting") }
            return SettingsReader.Flag(spelling: text, key: String(halves[0]), value: String(halves[1]))
        }
        let reading = await SettingsReader(file: "/dev/null", flags: flags, environment: [:]).read()
        if let problem = reading.problems.first { throw problem }
        return reading.settings
    }

    private func obey(_ line: String, _ desk: FolderDesk) async throws {
        switch line {
        case "complete": try await desk.complete()
        case "wait": try await desk.complete(thenWait: true)
        case "away": await desk.set(try BoothQueue.laser(isOnline: false))
        case "back": await desk.set(try BoothQueue.laser())
        default: throw ValidationError("unknown command: \(line)")
        }
        Self.say("done \(line)")
    }

    private static func say(_ line: String) { FileHandle.standardOutput.write(Data((line + "\n").utf8)) }

    /// Standard input by lines; read on a thread of its own, for it blocks.
    private static func lines() -> AsyncStream<String> {
        let (lines, line) = AsyncStream.makeStream(of: String.self)
        Thread.detachNewThread {
            while let text = readLine() { line.yield(text) }
            line.finish()
        }
        return lines
    }
}
