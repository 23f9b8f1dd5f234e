import Foundation
import Testing

@Suite("The files for systemd and man")
struct ServiceFileTests {
    private static let unit = repository.appending(path: "systemd/officeshared.service")
    private static let pages = ["officeshare.1", "officeshared.8", "officeshare.yaml.5"]

    @Test("every line of the unit says why it is there")
    func reasons() throws {
        let lines = try String(contentsOf: Self.unit, encoding: .utf8).split(
            separator: "\n", omittingEmptySubsequences: false)
        for (above, line) in zip(lines, lines.dropFirst()) where !line.isEmpty && !line.hasPrefix("[") {
            #expect(line.hasPrefix("#") || above.hasPrefix("# "), "\(line)")
        }
    }

    @Test("nothing in the unit hides or freezes what people share, or makes callers nobody")
    func sharing() throws {
        let text = try String(contentsOf: Self.unit, encoding: .utf8)
        let directives = text.split(separator: "\n").filter { !$0.hasPrefix("#") && $0.contains("=") }
        let names = Set(directives.map { $0.prefix { $0 != "=" } })
        let breaking: Set<Substring> = [
            "ProtectHome", "PrivateTmp", "PrivateUsers", "PrivateNetwork", "IPAddressDeny", "InaccessiblePaths",
            "TemporaryFileSystem", "RootDirectory", "DynamicUser", "MemoryMax", "ReadOnlyPaths", "RestrictSUIDSGID",
        ]
        #expect(names.isDisjoint(with: breaking))
        #expect(directives.contains("ProtectSystem=full"))
        #expect(directives.contains("Type=notify") && directives.contains("NoNewPrivileges=yes"))
    }

    @Test("its exposure is 2.5 or less, by systemd's own measure", .enabled(if: isThere("systemd-analyze")))
    func exposure() async throws {
        let (status, text) = try await output(
            "systemd-analyze", ["security", "--offline=true", "--threshold=25", "--no-pager", Self.unit.path])
        #expect(status == 0, "\(text.suffix(200))")
        let score = try #require(text.firstMatch(of: #/exposure level for officeshared.service: (\d+\.\d)/#))
        #expect(try #require(Double(score.output.1)) <= 2.5)
    }

    @Test("manual pages have no fault that man can find", .enabled(if: isThere("man")), arguments: pages)
    func manual(_ page: String) async throws {
        let path = repository.appending(path: "docs/man/\(page)").path
        let check = ["--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z"]
        #expect(try await output("man", check + [path], of: .standardError) == (0, ""))

        // The check itself finds what is wrong.
        try await withTemporaryFolder { folder in
            let spoilt = folder.appending(path: page)
            let text = try String(contentsOfFile: path, encoding: .utf8)
            try Data(text.replacing(".Sh DESCRIPTION\n", with: ".Sh DESCRIPTION\n.Xx\n").utf8).write(to: spoilt)
            #expect(try await output("man", check + [spoilt.path], of: .standardError).1.contains("'Xx' not defined"))
        }
    }

    @Test("the daemon's manual has every flag of its help")
    func flags() async throws {
        let (_, help) = try await output(ProgramTests.program.path, ["--help"])
        let page = try String(contentsOf: repository.appending(path: "docs/man/officeshared.8"), encoding: .utf8)
        let flags = Set(help.matches(of: #/--([a-z-]+)/#).map { String($0.output.1) })
        #expect(flags.count > 8)
        for flag in flags { #expect(page.contains("Fl -\(flag)") || page.contains(", -\(flag)"), "\(flag)") }
    }
}

private func isThere(_ program: String) -> Bool {
    ["/usr/bin", "/bin"].contains { FileManager.default.isExecutableFile(atPath: "\($0)/\(program)") }
}

private enum Stream {
    case standardOutput
    case standardError
}

/// The exit status of a program, and what it wrote to one of its streams.
private func output(
    _ program: String, _ arguments: [String], of stream: Stream = .standardOutput
) async throws -> (Int32, String) {
    let process = Process()
    process.executableURL = URL(filePath: program.hasPrefix("/") ? program : "/usr/bin/env")
    process.arguments = program.hasPrefix("/") ? arguments : [program] + arguments
    let pipe = Pipe()
    process.standardOutput = stream == .standardOutput ? pipe : FileHandle.nullDevice
    process.standardError = stream == .standardError ? pipe : FileHandle.nullDevice
    try process.run()
    return try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async {
            let bytes = pipe.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            continuation.resume(returning: (process.terminationStatus, String(decoding: bytes, as: UTF8.self)))
        }
    }
}
