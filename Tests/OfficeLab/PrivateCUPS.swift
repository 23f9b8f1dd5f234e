package import Foundation
internal import Glibc
import OfficeCore
internal import Synchronization

/// A cupsd of a test's own beside the machine's: its files in one temporary folder, its door a Unix socket there.
/// Debian's policies and filters, and the `BoxBackend` among its backends. Wants root.
package final class PrivateCUPS: Sendable {
    package let folder: String
    private let hasClasses: Bool
    package var socket: String { "\(folder)/cups.sock" }
    /// Where jobs are allowed to begin that `officeshare-begin` lets through.
    package var permits: String { "\(folder)/permits" }
    private let child = Mutex<Child?>(nil)

    /// cupsd changes to lp before it starts a backend.
    package static var isPossible: Bool { geteuid() == 0 }

    /// The project's own rules for CUPS's filters.
    static func rules(_ name: String) throws -> String {
        let project = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return try String(contentsOf: project.appending(path: "etc/cups/\(name)"), encoding: .utf8)
    }

    /// Runs `body` with a cupsd that serves, and takes everything away afterwards.
    ///
    /// - Parameters:
    ///   - directives: Lines for cupsd.conf.
    ///   - filter: The program `officeshare-begin`; without it documents are begun as often as cupsd likes.
    ///   - hasClasses: Whether anybody may make classes.
    ///   - spoolSize: Where given, jobs are kept on a disk of their own of that size (`2m`).
    package static func with<Result>(
        _ directives: [String] = [], filter: String? = nil, hasClasses: Bool = true, spoolSize: String? = nil,
        _ body: (PrivateCUPS) async throws -> Result
    ) async throws -> Result {
        let cups = try PrivateCUPS(directives, hasClasses)
        do {
            // Not written by us: a child started at that moment could inherit the open file, and then nobody may
            // execute it (ETXTBSY).
            let folder = cups.folder
            try await Command.run(["install", "-m", "755", "\(folder)/osbox.sh", "\(folder)/bin/backend/osbox"])
                .checked()
            if let filter {
                try await Command.run(["install", "-m", "755", filter, "\(folder)/bin/filter/officeshare-begin"])
                    .checked()
            }
            if let spoolSize {
                try await Command.run(
                    ["mount", "-t", "tmpfs", "-o", "size=\(spoolSize),uid=7,gid=7", "tmpfs", "\(folder)/spool"]
                ).checked()
            }
            try await cups.start()
            let result = try await body(cups)
            await cups.remove()
            return result
        } catch {
            let log = cups.log
            await cups.remove()
            throw OfficeError(.fault, "\(error)", "cupsd's log ends with:\n\(log)")
        }
    }

    private init(_ directives: [String], _ hasClasses: Bool) throws {
        self.hasClasses = hasClasses
        var template = Array("/tmp/oscups-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw OfficeError.errno("mkdtemp", of: "/tmp") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        // Its children run as lp.
        chmod(folder, 0o755)
        for name in ["etc", "cache", "state", "spool", "log", "tmp", "permits", "bin/backend", "bin/filter"] {
            try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
        }
        for name in ["cache", "spool", "tmp", "permits"] {
            try FileManager.default.setAttributes(
                [.groupOwnerAccountName: "lp", .ownerAccountName: "lp"], ofItemAtPath: "\(folder)/\(name)")
        }
        for name in ["daemon", "cgi-bin", "monitor", "notifier", "driver", "backend/ipp"] {
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/bin/\(name)", withDestinationPath: "/usr/lib/cups/\(name)")
        }
        for name in try FileManager.default.contentsOfDirectory(atPath: "/usr/lib/cups/filter") {
            try FileManager.default.createSymbolicLink(
                atPath: "\(folder)/bin/filter/\(name)", withDestinationPath: "/usr/lib/cups/filter/\(name)")
        }
        for name in ["officeshare.types", "officeshare.convs"] { try write("etc/\(name)", try Self.rules(name)) }
        try write("osbox.sh", BoxBackend.script)
        try write("etc/cups-files.conf", files)
        try write("etc/cupsd.conf", try configuration(directives))
    }

    private var files: String {
        """
        ServerRoot \(folder)/etc
        ServerBin \(folder)/bin
        CacheDir \(folder)/cache
        StateDir \(folder)/state
        RequestRoot \(folder)/spool
        TempDir \(folder)/tmp
        AccessLog \(folder)/log/access
        ErrorLog \(folder)/log/error
        PageLog \(folder)/log/page
        Printcap \(folder)/printcap
        DataDir /usr/share/cups
        DocumentRoot /usr/share/cups/doc-root
        SystemGroup root
        SetEnv OFFICESHARE_PERMITS \(permits)
        User lp
        Group lp
        """
    }

    /// The policies are Debian's: what officeshare may do has to be what it may do there.
    private func configuration(_ directives: [String]) throws -> String {
        let debian = try String(contentsOfFile: "/usr/share/cups/cupsd.conf.default", encoding: .utf8)
        var policies = String(debian[(debian.range(of: "<Location />")?.lowerBound ?? debian.startIndex)...])
        if !hasClasses {
            let operation = "CUPS-Add-Modify-Class"
            policies = policies.replacing(" \(operation)", with: "").replacing(
                "</Policy>", with: "<Limit \(operation)>\nAuthType Default\nRequire user nobody\n</Limit>\n</Policy>")
        }
        let own = [
            "Listen \(socket)", "LogLevel debug", "MaxLogSize 0", "Browsing No", "WebInterface No",
            "DefaultAuthType Basic",
        ]
        return (own + directives).joined(separator: "\n") + "\n" + policies
    }

    private func write(_ name: String, _ text: String) throws {
        try Data(text.utf8).write(to: URL(filePath: "\(folder)/\(name)"))
        try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: "\(folder)/\(name)")
    }

    /// The end of its error log, without the finest of it.
    private var log: String {
        let all = FileManager.default.contents(atPath: "\(folder)/log/error") ?? Data()
        let lines = String(decoding: all, as: UTF8.self).split(separator: "\n").filter { !$0.hasPrefix("D ") }
        return lines.suffix(60).joined(separator: "\n")
    }

    /// The lines of its error log that hold one of those texts, each from there on.
    package func steps(_ texts: [String]) -> [String] {
        let all = FileManager.default.contents(atPath: "\(folder)/log/error") ?? Data()
        return String(decoding: all, as: UTF8.self).split(separator: "\n").compactMap { line in
            texts.lazy.compactMap { line.range(of: $0) }.first.map { String(line[$0.lowerBound...]) }
        }
    }

    /// A file that it writes its settings to.
    package func settings(_ name: String) throws -> String {
        try String(contentsOfFile: "\(folder)/etc/\(name)", encoding: .utf8)
    }

    /// What it has written down of a job.
    package func jobFile(_ job: Int32) throws -> Data {
        try Data(contentsOf: URL(filePath: jobPath(job)))
    }

    /// Has it find that instead, when it is started.
    package func setJobFile(_ job: Int32, _ contents: Data) throws {
        let file = try FileHandle(forWritingTo: URL(filePath: jobPath(job)))
        try file.truncate(atOffset: 0)
        try file.write(contentsOf: contents)
        try file.close()
    }

    private func jobPath(_ job: Int32) -> String {
        let digits = String(job)
        return "\(folder)/spool/c" + String(repeating: "0", count: max(0, 5 - digits.count)) + digits
    }

    // MARK: Running

    package func start() async throws {
        let log = open("\(folder)/log/stderr", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        let null = open("/dev/null", O_RDWR | O_CLOEXEC)
        defer {
            close(log)
            close(null)
        }
        let started = try Child(
            ["cupsd", "-f", "-c", "\(folder)/etc/cupsd.conf", "-s", "\(folder)/etc/cups-files.conf"],
            environment: Command.environment, input: null, output: log, error: log)
        child.withLock { $0 = started }
        try await eventually("cupsd in \(folder) serves") {
            try await Command.run(["lpstat", "-h", socket, "-r"]).stdout.contains("is running")
        }
    }

    /// Ends it and waits for its end.
    ///
    /// - Parameter sparesBackends: They live on, as they do where nobody ends them.
    package func stop(_ number: Int32 = SIGTERM, sparesBackends: Bool = false) async throws {
        guard let running = child.withLock({ $0.take() }) else { return }
        running.signal(number)
        guard await running.ended(within: .seconds(20)) != nil else {
            throw OfficeError(.temporary, "cupsd in \(folder)", "it had to be killed")
        }
        if !sparesBackends { running.killGroup() }
    }

    package func signal(_ number: Int32) { child.withLock { $0?.signal(number) } }

    /// A queue whose printer is a box.
    package func addBox(_ name: String, _ options: [String] = [], shared: Bool = false) async throws -> Box {
        let box = try Box("\(folder)/box-\(name)")
        let settings = (["printer-is-shared=\(shared)"] + options).flatMap { ["-o", $0] }
        try await Command.run(
            ["lpadmin", "-h", socket, "-p", name, "-E", "-v", box.uri, "-m", "drv:///sample.drv/laserjet.ppd"]
                + settings
        ).checked()
        return box
    }

    /// Bytes in its spool.
    package var spooled: Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "\(folder)/spool")) ?? []
        return names.reduce(0) { sum, name in
            let attributes = try? FileManager.default.attributesOfItem(atPath: "\(folder)/spool/\(name)")
            return sum + ((attributes?[.size] as? Int) ?? 0)
        }
    }

    /// A command of CUPS's (`cupsdisable`, `lp`) at this cupsd.
    @discardableResult package func run(_ words: String...) async throws -> Output {
        try await Command.run(
            words, environment: Command.environment.merging(["CUPS_SERVER": socket]) { _, given in given }
        ).checked()
    }

    private func remove() async {
        signal(SIGCONT)
        try? await stop(SIGKILL)
        umount2("\(folder)/spool", Int32(MNT_DETACH))
        try? FileManager.default.removeItem(atPath: folder)
    }
}
