import OfficeControl
import OfficeCore
import OfficeTransfer

/// Carries entries of a share to a printer, as they come.
struct EntryListing: Sendable {
    let session: Session
    let printer: EntryPrinter

    /// Returns the folders that could not be read.
    func run(_ request: ListRequest, at place: RemotePlace) async throws -> [OfficeError] {
        let base = OfficePath(node: place.node, share: place.share, path: request.path)
        let printer = printer
        do {
            return try await session.client.list(request, node: place.node, share: place.share) { listing in
                var failures: [OfficeError] = []
                for try await batch in listing {
                    try await printer.add(batch.entries.map { try EntryOutput($0, below: base) })
                    failures += batch.failures.map { $0.inShare(of: base) }
                }
                return failures
            }
        } catch let error as OfficeError {
            throw error.named(for: base)
        }
    }
}

extension OfficeError {
    /// Of an error that names a path inside a share: its name in the office.
    func inShare(of path: OfficePath) -> OfficeError {
        guard let share = path.share else { return self }
        return about("\(path.node)/\(share)/\(what)")
    }

    /// Of an error about what was asked for: as the user named it. What speaks of node or daemon stays as it is.
    func named(for path: OfficePath) -> OfficeError {
        switch code {
        case .unavailable, .temporary, .limit, .configuration, .fault, .usage: self
        default: what.hasPrefix(path.node.description) ? self : about(path.description)
        }
    }
}
