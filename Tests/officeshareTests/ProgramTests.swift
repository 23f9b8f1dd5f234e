import Foundation
import Testing

/// The built program itself, where no daemon answers.
@Suite("The program")
struct ProgramTests {
    struct Outcome {
        let status: Int32
        let signalled: Bool
        let output: String
        let error: String
    }

    /// The `officeshare` that was built beside this test bundle.
    private static func program() throws -> URL {
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return URL(fileURLWithPath: bundle).deletingLastPathComponent().appendingPathComponent("officeshare")
    }

    /// - Parameter readsOutput: If not, standard output is a pipe that nobody reads.
    private static func run(
        _ arguments: [String], executable: URL? = nil, readsOutput: Bool = true
    ) throws -> Outcome {
        let process = Process()
        process.executableURL = try executable ?? program()
        process.arguments = arguments
        var environment = ProcessInfo.processInfo.environment
        environment["OFFICESHARE_SOCKET"] = "/nonexistent/control.sock"
        process.environment = environment
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        let error = Pipe()
        process.standardOutput = output
        process.standardError = error
        if !readsOutput { try output.fileHandleForReading.close() }
        try process.run()
        // Small answers only: neither pipe fills up before the other is read.
        let outputData = readsOutput ? output.fileHandleForReading.readDataToEndOfFile() : Data()
        let errorData = error.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return Outcome(
            status: process.terminationStatus, signalled: process.terminationReason == .uncaughtSignal,
            output: String(decoding: outputData, as: UTF8.self), error: String(decoding: errorData, as: UTF8.self))
    }

    @Test("Arguments that are not UTF-8 arrive as they were typed")
    func rawArguments() throws {
        let script = #"exec "$0" ls "$(printf 'pc\377/docs')""#
        let shell = URL(fileURLWithPath: "/bin/sh")
        let outcome = try Self.run(["-c", script, try Self.program().path], executable: shell)
        #expect(outcome.status == 65)
        #expect(outcome.error == "officeshare: pc\\xff: a name has to be UTF-8.\n")
    }

    @Test("Ends without a word, as by SIGPIPE, when nobody reads")
    func nobodyReads() throws {
        let outcome = try Self.run(["--help"], readsOutput: false)
        #expect(outcome.signalled && outcome.status == SIGPIPE)
        #expect(outcome.error.isEmpty)
    }

    @Test(
        "Without a daemon: 69, one line, nothing on standard output",
        arguments: [
            ["status"], ["peers"], ["ls"], ["ls", "pc1"], ["ls", "pc1/docs", "-R"], ["cat", "pc1/docs/a"],
            ["get", "pc1/docs/a", "/tmp"],
            ["put", "/etc/passwd", "pc1/docs", "-q"], ["sync", "pc1/docs", "/tmp/none"], ["mkdir", "pc1/docs/x"],
            ["mv", "pc1/docs/a", "pc1/docs/b"], ["rm", "pc1/docs/a", "pc1/docs/b"], ["find", "*"],
            ["share", "rm", "docs"], ["share", "add", "/tmp"], ["share", "set", "docs", "--ro"], ["office", "members"],
            ["office", "leave"], ["share", "ls"],
            ["events"], ["office", "join", "ABCD"], ["--json", "--quiet", "office", "log", "--verify"],
        ])
    func noDaemon(arguments: [String]) throws {
        let outcome = try Self.run(arguments)
        #expect(outcome.status == 69)
        #expect(outcome.output.isEmpty)
        #expect(outcome.error.split(separator: "\n").count == 1 && outcome.error.hasSuffix("\n"))
        #expect(arguments.contains("--json") || outcome.error.hasPrefix("officeshare: officeshared: "))
    }

    @Test("With --json the error is one object with its four keys")
    func jsonError() throws {
        let outcome = try Self.run(["status", "--json", "--socket", "/nonexistent/other.sock"])
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.error.utf8)) as? [String: [String: Any]])
        let error = try #require(object["error"])
        #expect(Set(error.keys) == ["code", "what", "why", "mend"])
        #expect((error["why"] as? String)?.contains("/nonexistent/other.sock") == true)
    }

    @Test(
        "Wrong usage: 64, one line that names the help",
        arguments: [
            ["nonsense"], ["office", "create"], ["status", "extra"], ["office", "invite", "--ttl", "soon"],
            ["get"], ["put", "here"], ["mv", "pc1/docs/a"], ["sync", "a", "b"], ["sync", "./a", "/b"],
            ["share", "set", "docs"],
            ["share", "set", "docs", "--rw", "--ro"], ["get", "pc1/docs/a", "--limit", "fast"],
        ])
    func usage(arguments: [String]) throws {
        let outcome = try Self.run(arguments)
        #expect(outcome.status == 64)
        #expect(outcome.output.isEmpty)
        #expect(outcome.error.split(separator: "\n").count == 1 && outcome.error.hasSuffix("--help'.\n"))
    }

    @Test(
        "Malformed things: 65",
        arguments: [
            ["ls", "/etc"], ["ls", "a/../b"], ["get", "pc1"], ["mkdir", "pc1/docs"], ["rm", "pc1"],
            ["cat", "/etc/passwd"],
            ["put", "", "pc1/docs"], ["find", ""], ["office", "join", "-"],
        ])
    func malformed(arguments: [String]) throws {
        #expect(try Self.run(arguments).status == 65)
    }

    @Test("Help, version and completions: on standard output, and well")
    func asked() throws {
        for arguments in [["--help"], ["help", "office", "create"], ["--version"], ["completions", "bash"]] {
            let outcome = try Self.run(arguments)
            #expect(outcome.status == 0 && !outcome.output.isEmpty && outcome.error.isEmpty)
        }
        for arguments in [["help", "office", "create"], ["office", "create", "--help"], ["office", "create", "-h"]] {
            #expect(try Self.run(arguments).output.contains("officeshare office create <name>"))
        }
        #expect(try Self.run(["office"]).output.contains("invite"))
    }

    @Test("doctor tells what it found without a daemon too, and exits 1")
    func doctor() throws {
        let outcome = try Self.run(["doctor", "--json"])
        #expect(outcome.status == 1)
        let findings = try #require(
            try JSONSerialization.jsonObject(with: Data(outcome.output.utf8)) as? [[String: Any]])
        #expect(findings.first?["check"] as? String == "daemon")
        #expect(findings.allSatisfy { Set($0.keys) == ["check", "ok", "why", "mend"] })
    }
}
