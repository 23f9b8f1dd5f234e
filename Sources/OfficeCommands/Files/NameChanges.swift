import OfficeControl
import OfficeCore
import OfficeTransfer

/// Changes of names in shares, asked for by one command: as many in one exchange as are in one share.
struct NameChanges {
    let verb: String
    private var changes: [(path: OfficePath, place: RemotePlace, change: Change)] = []

    init(verb: String) { self.verb = verb }

    /// `path` is what errors speak of.
    mutating func add(_ path: OfficePath, _ change: (RemotePlace) -> Change) throws(OfficeError) {
        let place = try RemotePlace(path)
        guard !place.path.isRoot else {
            throw OfficeError(
                .malformed, path.description, "this is a share itself, not what is in it",
                mend: "Its owner can take it back with 'officeshare share rm \(place.share)'.")
        }
        changes.append((path, place, change(place)))
    }

    private static func mended(_ error: OfficeError, _ change: Change) -> OfficeError {
        guard case .remove(_, recursive: false) = change, error.code == .exists, error.mend == nil else { return error }
        var error = error
        error.mend = "Remove it with all that is in it with -r."
        return error
    }

    /// Carries all out, in order within each share; what fails doesn't hold up the others.
    func perform(in session: Session) async throws {
        var failures: [OfficeError] = []
        var rest = changes[...]
        while let first = rest.first {
            let isSame = { (place: RemotePlace) in place.node == first.place.node && place.share == first.place.share }
            let batch = rest.prefix { isSame($0.place) }
            rest = rest.dropFirst(batch.count)
            do {
                let results = try await session.client.change(
                    batch.map(\.change), node: first.place.node, share: first.place.share)
                for (item, result) in zip(batch, results) {
                    guard case .failure(let error) = result else { continue }
                    failures.append(Self.mended(error, item.change).about(item.path.description))
                }
            } catch let error as OfficeError {
                failures += batch.map { error.named(for: $0.path) }
            }
        }
        if !failures.isEmpty { throw Failures(verb: verb, errors: failures, of: changes.count) }
    }
}
