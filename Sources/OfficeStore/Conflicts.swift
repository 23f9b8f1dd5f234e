package import OfficeCore
import OfficeFolders
import Synchronization

/// An edit that could not take its place, because somebody else's had it already: both are there.
package struct Conflict: Codable, Sendable, Equatable {
    package let path: RelativePath
    /// Where the later edit is.
    package let copy: RelativePath
    /// Whose it is.
    package let author: Author
    /// Who wrote what has the name, where that is known.
    package let other: Author?
    package let seconds: Int64

    package init(path: RelativePath, copy: RelativePath, author: Author, other: Author?, seconds: Int64) {
        self.path = path
        self.copy = copy
        self.author = author
        self.other = other
        self.seconds = seconds
    }
}

/// A space's conflicts that nobody has brought to an end yet: by removing the copy, or giving it another name. They
/// inform, and are found again after a restart; of very many the oldest are forgotten, and their copies stay.
package final class Conflicts: Sendable {
    private static let most = 1000
    private static let longestFile = 16 << 20

    private let root: Folder
    private let place: RelativePath
    private let known: Mutex<[Conflict]>

    /// - Parameter place: The file they are written down in.
    init(root: Folder, place: RelativePath) {
        self.root = root
        self.place = place
        let bytes = try? root.read(place, limit: Self.longestFile)
        known = Mutex(bytes.flatMap { try? StoreJSON.decode([Conflict].self, $0, "") } ?? [])
    }

    func note(_ conflict: Conflict) {
        known.withLock { known in
            known.append(conflict)
            if known.count > Self.most { known.removeFirst(known.count - Self.most) }
            write(known)
        }
    }

    /// Those whose copies are still there.
    func open(in folder: Folder) -> [Conflict] {
        known.withLock { known in
            let before = known.count
            known.removeAll { conflict in
                do throws(OfficeError) {
                    _ = try folder.entry(conflict.copy)
                    return false
                } catch {
                    return error.code == .notFound
                }
            }
            if known.count != before { write(known) }
            return known
        }
    }

    /// What can't be written is known until the next start.
    private func write(_ conflicts: [Conflict]) {
        guard let bytes = try? StoreJSON.encode(conflicts, "") else { return }
        try? root.write(bytes, to: place)
    }
}
