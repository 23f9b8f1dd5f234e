import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

struct Pin: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "pin", abstract: "Keep a whole copy of a share or a space on this machine.",
        discussion: """
            The copy is kept up to date, and is read from here, by everybody who may use the share, while its owner (or \
            of a space the file server) is away. Without --wait it is fetched in the background: 'officeshare pins' tells how far it is.
            """)

    @Argument(help: "The share, as NODE/SHARE, or the space, as office/SPACE.")
    var share: ByteString

    @Flag(help: "Return when the copy is whole.")
    var wait = false

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let place = try PinnedShare(share)
        let none: Int? = nil
        var pin: PinModel = try await session.client.send(.post, place.path, none)
        while wait && !pin.complete {
            try await Task.sleep(for: .milliseconds(200))
            // To ask for it once more would have what failed tried again, and forgotten.
            let pins: [PinModel] = try await session.client.get("/v1/pins")
            guard let now = pins.first(where: { $0.path == pin.path }) else {
                throw OfficeError(.notFound, pin.path, "its copy was removed meanwhile")
            }
            pin = now
            if let problem = pin.problem, !pin.complete {
                throw OfficeError(.temporary, pin.path, problem, mend: "It is tried again by itself.")
            }
        }
        let shown = pin
        try await session.show(shown) {
            [
                "A copy of '\(shown.path.escapedForTerminal)' is kept here\(shown.complete ? "" : ", and is being fetched")."
            ]
        }
    }
}

struct Unpin: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "unpin", abstract: "Keep a copy of a share no longer, and remove it.",
        discussion: "Nothing in the share itself is touched.")

    @Argument(help: "The share, as NODE/SHARE.")
    var share: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let none: Int? = nil
        let pin: PinModel = try await session.client.send(.delete, try PinnedShare(share).path, none)
        try await session.show(pin) { ["The copy of '\(pin.path.escapedForTerminal)' is removed."] }
    }
}

struct Pins: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "pins", abstract: "Show the copies of others' shares that this machine keeps.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let pins: [PinModel] = try await session.client.get("/v1/pins")
        try await session.show(array: pins) {
            var table = Table("PATH", "FILES", "SIZE", "STATE", "AS OF")
            for pin in pins {
                table.add(
                    pin.path.escapedForTerminal, String(pin.files), HumanText.size(pin.bytes),
                    pin.complete ? "complete" : (pin.problem ?? "fetching").escapedForTerminal,
                    pin.asOf.map { HumanText.localTime($0) } ?? "-")
            }
            return table
        }
    }
}

/// A share as `pin` and `unpin` are given it.
private struct PinnedShare {
    /// What the daemon has it under.
    let path: String

    init(_ argument: ByteString) throws {
        let place = try argument.officePath()
        guard let share = place.share, place.path.isRoot else {
            throw OfficeError(
                .malformed, place.description, "a pin is of a whole share", mend: "Write NODE/SHARE or office/SPACE.")
        }
        path = "/v1/pins/\(percentEncoded(place.node.bytes))/\(percentEncoded(share.bytes))"
    }
}
