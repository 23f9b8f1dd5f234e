import ArgumentParser
import OfficeControl
import OfficeCore

struct Send: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "send", abstract: "Send files into somebody's inbox.",
        usage: """
            officeshare send <file> ... <node[:user]> [--wait]
            officeshare send <file> ... --to-all [--wait]
            """,
        discussion: """
            Returns when the files are safe in this machine's outbox: they are delivered when the receiver can be \
            reached, whatever is switched off meanwhile. 'officeshare sent' shows how they stand.
            """)

    @Argument(help: ArgumentHelp("Files, and at last who is to have them.", valueName: "file"), completion: .file())
    var words: [ByteString]

    @Flag(help: "To every other node of the office.")
    var toAll = false

    @Flag(name: [.long, .customShort("w")], help: "Wait until they are delivered.")
    var wait = false

    @OptionGroup var options: GlobalOptions

    func validate() throws {
        if toAll, words.isEmpty { throw ValidationError("What to send has to be named") }
        if !toAll, words.count < 2 { throw ValidationError("What to send and whom to have to be named") }
    }

    func run(in session: Session) async throws {
        let recipient = try toAll ? nil : words.last?.text("the receiver")
        let files = toAll ? words[...] : words.dropLast()
        var sent: [DeliveryModel] = []
        var errors: [OfficeError] = []
        for file in files {
            do {
                sent += try await stoppable("send") {
                    try await OutboxUpload(session: session).send(file, to: recipient)
                }
            } catch let error as OfficeError {
                errors.append(error)
            }
        }
        if wait {
            for index in sent.indices {
                do throws(OfficeError) {
                    sent[index] = try await DeliveryWait(session: session).untilEnded(sent[index])
                    try DeliveryWait.check(sent[index])
                } catch {
                    errors.append(error)
                }
            }
        }
        let shown = sent
        if session.wantsJSON || !shown.isEmpty {
            try await session.show(array: shown) { DeliveryTable.sent(shown) }
        }
        if !errors.isEmpty { throw Failures(verb: "send", errors: errors, of: files.count) }
    }
}

/// Deliveries as people see them.
enum DeliveryTable {
    static func sent(_ deliveries: [DeliveryModel]) -> Table {
        var table = Table("ID", "TO", "SENT", "SIZE", "STATE", "NAME")
        for delivery in deliveries {
            table.add(
                String(delivery.id.prefix(8)), delivery.to.escapedForTerminal, HumanText.localTime(delivery.time),
                HumanText.size(delivery.size), delivery.shownState, delivery.shownName)
        }
        return table
    }

    static func received(_ deliveries: [DeliveryModel]) -> Table {
        var table = Table("ID", "FROM", "CAME", "SIZE", "STATE", "NAME")
        for delivery in deliveries {
            table.add(
                String(delivery.id.prefix(8)), delivery.from.escapedForTerminal, HumanText.localTime(delivery.time),
                HumanText.size(delivery.size), delivery.shownState, delivery.shownName)
        }
        return table
    }
}

extension DeliveryModel {
    var shownName: String { escapedForTerminal(nameAsBytes) }

    /// `queued (the node is offline since 10:02)`.
    var shownState: String {
        let note = takenBy.map { "taken by \($0)" } ?? reason
        return (state + (note.map { " (\($0))" } ?? "")).escapedForTerminal
    }
}
