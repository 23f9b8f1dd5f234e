import ArgumentParser
import OfficeControl
import OfficeCore

struct Status: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "status", abstract: "Show this node, its office, and what wants attention.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let status: StatusModel = try await session.client.get("/v1/status")
        try await session.show(status) { Self.lines(status, session.terminal) }
    }

    static func lines(_ status: StatusModel, _ terminal: Terminal) -> [String] {
        let node = status.node
        var lines = [
            "Node      \(node.name.escapedForTerminal) (\(node.id.prefix(16))), officeshared "
                + "\(node.version.escapedForTerminal), up \(HumanText.duration(seconds: node.uptimeSeconds))"
        ]
        if let office = status.office {
            lines.append(
                "Office    \(office.name.escapedForTerminal) (\(office.id.prefix(16))), this node is "
                    + (office.role == "admin" ? "an admin" : "a member"))
            lines.append("Members   \(office.members), \(office.online) online")
            if let server = office.fileServer { lines.append("Server    \(server.escapedForTerminal)") }
            if let standby = office.standby {
                let standing =
                    office.standbyInStep.map { $0 ? "in step" : "behind" } ?? "how it stands isn't known here"
                lines.append("Standby   \(standby.escapedForTerminal) (\(standing))")
            }
        } else {
            lines.append("Office    none: 'officeshare office create NAME' founds one, 'office join CODE' joins one")
        }
        lines.append("Shares    \(status.shares)")
        lines.append("Moving    \(HumanText.count(status.transfers, "transfer"))")
        if status.problems.isEmpty {
            lines.append("Health    \(terminal.styled("good", .green))")
        } else {
            lines.append("Health    \(terminal.styled(HumanText.count(status.problems.count, "problem"), .yellow))")
            lines += status.problems.map { problem in
                "  - \(OfficeError(.fault, problem.what, problem.why, mend: problem.mend))"
            }
        }
        return lines
    }
}
