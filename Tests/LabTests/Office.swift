import Foundation
import OfficeCore
import OfficeLab
import Synchronization
import Testing

/// Notes whether a test has failed, so that the logs of its hosts are shown.
final class Verdict: Sendable {
    @TaskLocal static var current: Verdict?
    private let issues = Atomic(0)

    var failed: Bool { issues.load(ordering: .relaxed) > 0 }
    func note() { issues.add(1, ordering: .relaxed) }
}

/// For every suite that raises an office: the logs of all hosts are printed when a test fails.
struct LabTrait: SuiteTrait, TestTrait, TestScoping {
    let isRecursive = true

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        let handler = IssueHandlingTrait.compactMapIssues { issue in
            Verdict.current?.note()
            return issue
        }
        try await Verdict.$current.withValue(Verdict()) {
            try await handler.provideScope(for: test, testCase: testCase, performing: function)
        }
    }
}

extension Trait where Self == LabTrait {
    static var lab: Self { Self() }
}

/// Raises these hosts for the length of `body`.
func withLab(
    _ plans: HostPlan..., options: Lab.Options = .init(), _ body: (Lab) async throws -> Void
) async throws {
    try await Lab.with(plans, options: options, failed: { Verdict.current?.failed ?? false }, body)
}

/// Raises these hosts as one office: founded on the first, joined by the others in their order.
func withOffice(
    _ plans: HostPlan..., options: Lab.Options = .init(), _ body: (Lab) async throws -> Void
) async throws {
    try await Lab.with(plans, options: options, failed: { Verdict.current?.failed ?? false }) { lab in
        try await lab.hosts[0].officeshare(["office", "create", "Acme"]).checked()
        for host in lab.hosts.dropFirst() { try await host.join(lab.hosts[0]) }
        try await body(lab)
    }
}

/// What the tests read of `--json`, as cli.md has it.
enum JSON {
    struct Invitation: Decodable { let code: String }
    struct Member: Decodable { let id: String, name: String, admin: Bool, online: Bool }
    struct Peer: Decodable { let id: String?, name: String?, member: Bool, online: Bool, via: String }
    struct Office: Decodable { let id: String, name: String, online: Int }
    struct Problem: Decodable { let what: String, why: String }
    struct Status: Decodable { let office: Office?, problems: [Problem] }
    struct Offer: Decodable { let path: String, online: Bool }
    struct Entry: Decodable { let name: String, type: String, size: Int? }
    struct Summary: Decodable { let files: Int, bytes: Int, resumedBytes: Int }
    struct Failure: Decodable { let error: OfficeError }
}

extension LabHost {
    /// An invitation's code, from an admin's host.
    func invite() async throws -> String {
        try await officeshare(["office", "invite", "--json"]).json(JSON.Invitation.self).code
    }

    /// Joins the office of `admin`'s host.
    @discardableResult func join(_ admin: LabHost) async throws -> Output {
        let code = try await admin.invite()
        return try await officeshare(["office", "join", "-"], input: Data("\(code)\n".utf8)).checked()
    }

    func members() async throws -> [JSON.Member] { try await officeshare(["office", "members", "--json"]).json() }
    func peers() async throws -> [JSON.Peer] { try await officeshare(["peers", "--json"]).json() }
    func status() async throws -> JSON.Status { try await officeshare(["status", "--json"]).json() }
    func offers() async throws -> [JSON.Offer] { try await officeshare(["ls", "--json"]).json() }

    /// Whether the member of this name is online, as this host sees it.
    func seesOnline(_ name: String) async throws -> Bool {
        try await members().contains { $0.name == name && $0.online }
    }

    /// Makes a folder of alice's with what `script` puts there, and shares it under its name.
    func share(_ name: String, _ options: String..., making script: String = ":") async throws {
        try await shell("mkdir -p \(name) && cd \(name) && \(script)", as: "alice", timeout: .seconds(300)).checked()
        try await officeshare(["share", "add", name] + options, as: "alice").checked()
    }

    /// Waits until this host sees `path` among the office's shares.
    @discardableResult func awaitShare(_ path: String, within limit: Duration = .seconds(10)) async throws -> Duration {
        try await eventually("\(name) sees \(path)", within: limit) {
            try await offers().contains { $0.path == path && $0.online }
        }
    }
}

/// The command ended with this status and said one line about it, without a stack trace.
func expectFailure(
    _ output: Output, _ status: Int32..., sourceLocation: SourceLocation = #_sourceLocation
) {
    #expect(status.contains(output.status), "\(output)", sourceLocation: sourceLocation)
    let lines = output.stderr.split(separator: "\n").filter { $0.hasPrefix("officeshare: ") }
    #expect(lines.count == 1, "\(output)", sourceLocation: sourceLocation)
}
