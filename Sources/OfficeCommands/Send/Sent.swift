import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

/// `officeshare sent …`: what was sent from here.
struct Sent: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sent", abstract: "Show what you have sent, and take it back.",
        subcommands: [SentList.self, SentRemove.self], defaultSubcommand: SentList.self)
}

struct SentList: OfficeCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Show what you have sent.")

    @Argument(help: "One of them.")
    var id: ByteString?

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let deliveries: [DeliveryModel]
        if let id {
            deliveries = [try await session.client.get("/v1/sent/\(try id.deliveryID())")]
        } else {
            deliveries = try await session.client.get("/v1/sent")
        }
        try await session.show(array: deliveries) { DeliveryTable.sent(deliveries) }
    }
}

struct SentRemove: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Take back what has not arrived, or forget what has.")

    @Argument(help: "The delivery, as 'officeshare sent' shows it.")
    var id: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let removed: DeliveryModel = try await session.client.send(
            .delete, "/v1/sent/\(try id.deliveryID())", nil as ResendRequest?)
        try await session.show(array: [removed]) { DeliveryTable.sent([removed]) }
    }
}

struct Resend: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "resend", abstract: "Send a delivery once more.",
        discussion: "What the receiver still has is not sent twice; what it took, rejected or lost is.")

    @Argument(help: "The delivery, as 'officeshare sent' shows it.")
    var id: ByteString

    @Flag(name: [.long, .customShort("w")], help: "Wait until it is delivered.")
    var wait = false

    @Flag(name: [.short, .long], help: "Of a queued put: replace what is there and different.")
    var force = false

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        var delivery: DeliveryModel = try await session.client.send(
            .post, "/v1/sent/\(try id.deliveryID())/resend", ResendRequest(force: force))
        if wait { delivery = try await DeliveryWait(session: session).untilEnded(delivery) }
        let shown = [delivery]
        try await session.show(array: shown) { DeliveryTable.sent(shown) }
        if wait { try DeliveryWait.check(delivery) }
    }
}

extension ByteString {
    /// A delivery's id, or the beginning of one, as it may stand in a request's path.
    func deliveryID() throws(OfficeError) -> String {
        let text = try text("the delivery's id")
        guard (4...36).contains(text.utf8.count),
            text.utf8.allSatisfy({ $0 == UInt8(ascii: "-") || hexValue($0) != nil })
        else {
            throw OfficeError(
                .malformed, text.escapedForTerminal, "this is no delivery's id",
                mend: "'officeshare sent' and 'officeshare inbox' show them; the first eight characters are enough.")
        }
        return text
    }
}
