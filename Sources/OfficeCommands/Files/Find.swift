import ArgumentParser
import OfficeControl
import OfficeCore
import OfficeTransfer

struct Find: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "find", abstract: "Show the files whose names match a pattern, across the office.",
        discussion: """
            '*' stands for any characters, '?' for one, '[a-z]' for one of these. Quote the pattern, or the shell \
            puts names of its own in its place. Shares that are offline are not looked at.
            """)

    @Argument(help: "What the whole name has to match.")
    var pattern: ByteString

    @Argument(help: "Where: NODE, NODE/SHARE or a folder; without it everywhere.")
    var path: ByteString?

    @Flag(name: .short, help: "Type, size and time of change, too.")
    var long = false

    @OptionGroup var options: GlobalOptions

    /// Shares that are searched at a time.
    private static let width = 8

    func run(in session: Session) async throws {
        guard !pattern.bytes.isEmpty else { throw OfficeError(.malformed, "PATTERN", "it is empty") }
        let places = try await places(in: session)
        let printer = EntryPrinter(session: session, naming: .whole, isLong: long)
        let listing = EntryListing(session: session, printer: printer)
        let pattern = pattern.bytes
        let failures = try await withThrowingTaskGroup(of: [OfficeError].self) { group in
            var failures: [OfficeError] = []
            for (index, place) in places.enumerated() {
                if index >= Self.width, let done = try await group.next() { failures += done }
                group.addTask {
                    do {
                        let request = ListRequest(path: place.path, recursive: true, pattern: pattern)
                        return try await listing.run(request, at: place)
                    } catch let error as OfficeError {
                        // One share that fails doesn't end the search.
                        return [error]
                    }
                }
            }
            for try await done in group { failures += done }
            return failures
        }
        let found = await printer.count > 0
        // Where nothing could be looked at there is no document.
        if failures.count < places.count || places.isEmpty || found { try await printer.finish() }
        if !failures.isEmpty {
            throw Failures(verb: "find", errors: failures, of: max(places.count, failures.count + (found ? 1 : 0)))
        }
    }

    private func places(in session: Session) async throws -> [RemotePlace] {
        let target = try path?.officePath()
        if let target, target.share != nil { return [try RemotePlace(target)] }
        let offers: [OfferModel] = try await session.client.get(OfferList.path(of: target?.node))
        // What has two names is looked at once.
        let found = offers.filter { ($0.online || $0.servedBy != nil) && (target != nil || $0.movedTo == nil) }
        return try found.map { offer in
            RemotePlace(node: try Label(offer.node), share: try Label(offer.share))
        }
    }
}
