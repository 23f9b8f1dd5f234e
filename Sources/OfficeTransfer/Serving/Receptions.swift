import OfficeCore
import OfficeFolders
import Synchronization

/// A folder that is written to, with what names it: asked for once an exchange, not for each file.
struct Destination: Sendable {
    let folder: Folder
    /// Who changes it.
    let changes: any FolderChanging
    let device: UInt64
    let inode: UInt64

    init(_ changes: any FolderChanging) throws(OfficeError) {
        let status = try changes.folder.status()
        folder = changes.folder
        self.changes = changes
        device = status.device
        inode = status.inode
    }
}

/// The partial files that a responder's exchanges have open: one exchange at a time for a path and key.
///
/// A sender that lost its link comes back before this side has noticed. The newcomer with the same key takes the
/// partial file over at once: it is closed beneath the old exchange, whose next write fails.
final class Receptions: Sendable {
    /// Partial files whose blocks an offer has read back, kept for the store that follows it; and blocks of each. Of
    /// more blocks the store reads them back again.
    private static let verifiedFiles = 32
    private static let verifiedBlocks = 4096

    private struct Place: Hashable {
        let device: UInt64
        let inode: UInt64
        let path: RelativePath
        let key: String
    }

    private struct State {
        var open: [Place: PartialFile] = [:]
        var verified: [Place: [BlockDigest]] = [:]
    }

    private let state = Mutex(State())

    private func place(_ path: RelativePath, _ key: String, in destination: Destination) -> Place {
        Place(device: destination.device, inode: destination.inode, path: path, key: key)
    }

    func open(_ path: RelativePath, key: String, in destination: Destination) throws(OfficeError) -> PartialFile {
        let place = place(path, key, in: destination)
        state.withLock { $0.open.removeValue(forKey: place) }?.close()
        let partial = try destination.folder.partial(for: path, key: key)
        state.withLock { $0.open.updateValue(partial, forKey: place) }?.close()
        return partial
    }

    /// The exchange is done with it, whether it was committed or stays for the next time.
    func close(_ partial: PartialFile) {
        partial.close()
        state.withLock { state in
            for (place, other) in state.open where other === partial { state.open[place] = nil }
        }
    }

    /// What an offer found by reading back, and nobody but this process can have changed since.
    func remember(_ blocks: [BlockDigest], _ path: RelativePath, key: String, in destination: Destination) {
        guard blocks.count <= Self.verifiedBlocks else { return }
        let place = place(path, key, in: destination)
        state.withLock { state in
            if state.verified.count >= Self.verifiedFiles, let any = state.verified.keys.first {
                state.verified[any] = nil
            }
            state.verified[place] = blocks
        }
    }

    /// Once: what was remembered is true until the blocks change.
    func takeVerified(_ path: RelativePath, key: String, in destination: Destination) -> [BlockDigest] {
        let place = place(path, key, in: destination)
        return state.withLock { $0.verified.removeValue(forKey: place) } ?? []
    }
}
