package import OfficeCore
package import OfficeFolders
import Synchronization

/// Who leads which space of a store that several nodes serve: plain files, of which none is ever written over by anyone
/// but its one author.
///
///     leading/lock             flock: one at a time makes names
///     leading/nodes/NODE       a node's sign of life: a number that grows
///     leading/claims/N.SPACE   the N-th lead of a space: whose. The highest counts
///
/// A claim is made by `link`, which replaces nothing; so two nodes never have the same one, lock or not. All methods block.
package final class LeadBook: Sendable {
    static let folder = FileName(trusted: Array("leading".utf8))
    private static let nodeFolder = FileName(trusted: Array("nodes".utf8))
    private static let claimFolder = FileName(trusted: Array("claims".utf8))
    private static let lock = FileName(trusted: Array("lock".utf8))
    private static let longest = 4096

    package struct Claim: Sendable, Equatable {
        package let epoch: Int64
        /// nil: its leader let go of it in good order.
        package let node: NodeID?

        package init(epoch: Int64, node: NodeID?) {
            self.epoch = epoch
            self.node = node
        }
    }

    /// A node's sign of life.
    package struct Beat: Codable, Sendable, Equatable {
        /// Drawn by each process anew.
        package let life: UInt64
        package let number: UInt64
        /// By that process's own running time, before this was written: milliseconds since it began.
        package let sent: Int64

        package init(life: UInt64, number: UInt64, sent: Int64) {
            self.life = life
            self.number = number
            self.sent = sent
        }
    }

    private struct Written: Codable {
        var node: NodeID?
    }

    /// What was seen at one moment.
    package struct View: Sendable {
        package var claims: [Label: Claim] = [:]
        package var beats: [NodeID: Beat] = [:]
        package init() {}
    }

    private let root: Folder
    private let node: NodeID
    /// Claims never change once they are there.
    private let known = Mutex<[FileName: Claim]>([:])

    package init(in root: Folder, node: NodeID) {
        self.root = root
        self.node = node
    }

    /// Makes what it is written in: once, by the one node that serves the store before it is shared.
    static func make(in root: Folder) throws(OfficeError) {
        for name in [nodeFolder, claimFolder] { try root.makeDirectories(try RelativePath([folder, name])) }
        _ = try LockFile(try RelativePath([folder, lock]), in: root)
        try root.sync(try RelativePath([folder]))
        try root.sync(.root)
    }

    /// Shows that this node is alive.
    package func beat(_ beat: Beat) throws(OfficeError) {
        try root.write(
            try StoreJSON.encode(beat, "the store"),
            to: try RelativePath([Self.folder, Self.nodeFolder, try FileName(Array(node.description.utf8))]))
    }

    package func look() throws(OfficeError) -> View {
        var view = View()
        let nodes = try RelativePath([Self.folder, Self.nodeFolder])
        for name in try names(in: nodes) {
            guard let id = try? NodeID(hex: String(decoding: name.bytes, as: UTF8.self)) else { continue }
            do throws(OfficeError) {
                let bytes = try root.read(try nodes.appending(name), limit: Self.longest)
                view.beats[id] = try StoreJSON.decode(Beat.self, bytes, "\(name)")
            } catch  where error.code == .notFound || error.code == .temporary {
                // Being replaced: the next look has it.
                continue
            }
        }
        for (space, claim, _) in try claims() where view.claims[space].map({ $0.epoch < claim.epoch }) ?? true {
            view.claims[space] = claim
        }
        return view
    }

    private func names(in folder: RelativePath) throws(OfficeError) -> [FileName] {
        let listing = try root.list(folder)
        var names: [FileName] = []
        while case let batch = try listing.next(upTo: 256), !batch.isEmpty { names += batch.compactMap(\.path.last) }
        return names
    }

    private func claims() throws(OfficeError) -> [(Label, Claim, FileName)] {
        let folder = try RelativePath([Self.folder, Self.claimFolder])
        var found: [(Label, Claim, FileName)] = []
        for name in try names(in: folder) {
            guard let dot = name.bytes.firstIndex(of: UInt8(ascii: ".")),
                let epoch = Int64(String(decoding: name.bytes[..<dot], as: UTF8.self)),
                let space = try? Label(bytes: name.bytes[(dot + 1)...])
            else { continue }
            if let claim = known.withLock({ $0[name] }) {
                found.append((space, claim, name))
                continue
            }
            do throws(OfficeError) {
                let bytes = try root.read(try folder.appending(name), limit: Self.longest)
                let claim = Claim(epoch: epoch, node: try StoreJSON.decode(Written.self, bytes, "\(name)").node)
                known.withLock { $0[name] = claim }
                found.append((space, claim, name))
            } catch  where error.code == .notFound {
                // A higher one is there.
                continue
            }
        }
        let there = Set(found.map(\.2))
        known.withLock { known in known = known.filter { there.contains($0.key) } }
        return found
    }

    /// Makes this node the leader of a space, or lets go of it; nil where somebody was faster.
    package func claim(_ space: Label, above epoch: Int64, free: Bool = false) throws(OfficeError) -> Int64? {
        guard let lock = try LockFile(try RelativePath([Self.folder, Self.lock]), in: root) else { return nil }
        return try withExtendedLifetime(lock) { () throws(OfficeError) in
            let there = try claims().filter { $0.0 == space }
            let highest = there.map(\.1.epoch).max() ?? 0
            guard highest == epoch else { return nil }
            let name = try FileName(Array("\(epoch + 1).".utf8) + space.bytes)
            let folder = try RelativePath([Self.folder, Self.claimFolder])
            let partial = try root.partial(for: try folder.appending(name), key: node.description)
            do throws(OfficeError) {
                let bytes = try StoreJSON.encode(Written(node: free ? nil : node), "\(name)")
                try partial.setSize(0)
                try bytes.span.withUnsafeBytes { (buffer) throws(OfficeError) in try partial.write(buffer, at: 0) }
                try partial.commit(modified: .now, executable: false, replacing: .never)
            } catch {
                try? partial.discard()
                if error.code == .exists { return nil }
                throw error
            }
            // The highest counts: what is below it is in nobody's way.
            for (_, _, old) in there { try? root.remove(try folder.appending(old), recursive: false) }
            return epoch + 1
        }
    }
}
