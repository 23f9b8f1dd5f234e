import ArgumentParser
import OfficeCore

struct Doctor: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "doctor", abstract: "Check this machine end to end, and say what would mend it.",
        discussion: "Exits with status 1 if a check fails. What can't be told from here is neither good nor bad.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let findings = await DoctorChecks(session: session).all()
        try await session.show(array: findings) { Self.table(findings, session.terminal) }
        let failed = findings.count { $0.ok == false }
        if failed > 0 {
            throw OfficeError(
                .partial, "doctor", "\(HumanText.count(failed, "check")) of \(findings.count) failed",
                mend: "What would mend each stands beside it.")
        }
    }

    static func table(_ findings: [Finding], _ terminal: Terminal) -> Table {
        var table = Table("CHECK", "RESULT", "WHY")
        for finding in findings {
            let result = finding.ok.map { $0 ? "good" : "bad" } ?? "unknown"
            let why = [finding.why.map { $0.hasSuffix(".") ? $0 : $0 + "." }, finding.mend].compactMap { $0 }
            table.add(finding.check.escapedForTerminal, result, why.joined(separator: " ").escapedForTerminal)
        }
        return table
    }
}

/// What one check found.
struct Finding: Encodable, Sendable, Equatable {
    let check: String
    /// nil where it can't be told from here.
    @OrNull var ok: Bool?
    @OrNull var why: String?
    @OrNull var mend: String?

    static func good(_ check: String, _ why: String) -> Finding { Finding(check: check, ok: true, why: why, mend: nil) }

    static func bad(_ check: String, _ why: String, mend: String?) -> Finding {
        Finding(check: check, ok: false, why: why, mend: mend)
    }

    static func unknown(_ check: String, _ why: String, mend: String? = nil) -> Finding {
        Finding(check: check, ok: nil, why: why, mend: mend)
    }
}
