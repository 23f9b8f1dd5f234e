import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

struct Transfers: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "transfers", abstract: "Show what moves now at this machine; pause, resume or cancel it.",
        usage: "officeshare transfers [pause|resume|cancel <id>]",
        discussion: """
            Yours, and to who manages this machine everybody's. What is paused is held until it is resumed; what is \
            cancelled ends with status 75, and the same command goes on where it stopped.
            """)

    enum Order: String, ExpressibleByArgument, CaseIterable {
        case pause, resume, cancel

        /// What has come of it.
        var done: String {
            switch self {
            case .pause: "is paused"
            case .resume: "goes on"
            case .cancel: "is cancelled"
            }
        }
    }

    @Argument(help: "pause, resume or cancel; without it all transfers are shown.")
    var order: Order?

    @Argument(help: "Which, as 'officeshare transfers' shows it.")
    var id: ByteString?

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if order != nil && id == nil { throw ValidationError("The id of the transfer has to be named") }
    }

    func run(in session: Session) async throws {
        guard let order, let id else { return try await list(in: session) }
        let text = try id.text("the transfer's id")
        guard !text.isEmpty, text.utf8.allSatisfy({ (0x30...0x39).contains($0) }) else {
            throw OfficeError(
                .malformed, text.escapedForTerminal, "this is no transfer's id",
                mend: "'officeshare transfers' shows them.")
        }
        let none: Int? = nil
        let transfer: TransferModel = try await session.client.send(
            .post, "/v1/transfers/\(text)/\(order.rawValue)", none)
        try await session.show(transfer) {
            ["\(transfer.kind.rawValue) \(transfer.path.escapedForTerminal) \(order.done)."]
        }
    }

    private func list(in session: Session) async throws {
        let transfers: [TransferModel] = try await session.client.get("/v1/transfers")
        try await session.show(array: transfers) {
            var table = Table("ID", "KIND", "DONE", "SIZE", "RATE", "STATE", "PATH")
            for transfer in transfers {
                table.add(
                    transfer.id, transfer.kind.rawValue, HumanText.size(transfer.bytes),
                    transfer.total.map { HumanText.size($0) } ?? "-", HumanText.rate(Double(transfer.rate)),
                    transfer.state.rawValue, transfer.path.escapedForTerminal)
            }
            return table
        }
    }
}
