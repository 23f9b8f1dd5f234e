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
        try await lab.foundOffice()
        try await body(lab)
    }
}
