import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

/// `officeshare inbox …`: what was sent here.
struct Inbox: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inbox", abstract: "Show what was sent to you, take it, or refuse it.",
        subcommands: [InboxList.self, InboxAccept.self, InboxReject.self], defaultSubcommand: InboxList.self)
}

struct InboxList: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "ls", abstract: "Show what was sent to you, or to everyone who uses this machine.")

    @Argument(help: "One of them.")
    var id: ByteString?

    @Flag(name: [.short, .long], help: "What was taken or rejected, too.")
    var all = false

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        var deliveries: [DeliveryModel]
        if let id {
            deliveries = [try await session.client.get("/v1/inbox/\(try id.deliveryID())")]
        } else {
            deliveries = try await session.client.get("/v1/inbox")
            if !all { deliveries.removeAll { $0.taken != nil || $0.state == "rejected" } }
        }
        let shown = deliveries
        try await session.show(array: shown) { DeliveryTable.received(shown) }
    }
}

struct InboxAccept: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "accept", abstract: "Take what was sent to you.",
        discussion: """
            It is put into the current folder, or DIR, under its own name; where another file has that, a number is \
            added.
            """)

    @Argument(help: "Deliveries, as 'officeshare inbox' shows them.")
    var ids: [ByteString]

    @Option(help: ArgumentHelp("The folder that it is put into.", valueName: "dir"), completion: .directory)
    var to: ByteString?

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let folder = try to.map { try LocalPath($0) } ?? LocalPath.here
        var taken: [DeliveryModel] = []
        var errors: [OfficeError] = []
        for id in ids {
            do {
                let delivery = try await InboxTaking(session: session, folder: folder).take(try id.deliveryID())
                taken.append(delivery)
                if !session.wantsJSON {
                    let path = delivery.pathBytes.flatMap(Base64.decode) ?? delivery.path.map { Array($0.utf8) }
                    try await session.console.write(escapedForTerminal(path ?? delivery.nameAsBytes) + "\n")
                }
            } catch let error as OfficeError {
                errors.append(error)
            }
        }
        if session.wantsJSON, !taken.isEmpty { try await session.console.write(JSONText.document(array: taken)) }
        if !errors.isEmpty { throw Failures(verb: "inbox accept", errors: errors, of: ids.count) }
    }
}

struct InboxReject: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "reject", abstract: "Refuse what was sent to you, or throw it away.")

    @Argument(help: "The delivery, as 'officeshare inbox' shows it.")
    var id: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let rejected: DeliveryModel = try await session.client.send(
            .post, "/v1/inbox/\(try id.deliveryID())/reject", nil as ResendRequest?)
        try await session.show(array: [rejected]) { DeliveryTable.received([rejected]) }
    }
}
