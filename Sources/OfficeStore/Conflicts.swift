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
    private static let aside = Array(".unreadable".utf8)

    private struct State {
        var known: [Conflict] = []
        /// That an earlier list could not be read.
        var lost: OfficeError?
        /// Why the list isn't on the disk as it is here.
        var problem: OfficeError?
        /// What is on the disk can neither be read nor put aside: it is left alone.
        var isSealed = false
    }

    private let root: Folder
    private let place: RelativePath
    private let state: Mutex<State>

    /// - Parameter place: The file they are written down in.
    init(root: Folder, place: RelativePath) {
        self.root = root
        self.place = place
        state = Mutex(Self.read(root, place))
    }

    /// What the people of the file server have to know.
    package var problem: OfficeError? { state.withLock { $0.problem ?? $0.lost } }

    func note(_ conflict: Conflict) {
        state.withLock { state in
            state.known.append(conflict)
            if state.known.count > Self.most { state.known.removeFirst(state.known.count - Self.most) }
            write(&state)
        }
    }

    /// Those whose copies are still there.
    func open(in folder: Folder) -> [Conflict] {
        state.withLock { state in
            let before = state.known.count
            state.known.removeAll { conflict in
                do throws(OfficeError) {
                    _ = try folder.entry(conflict.copy)
                    return false
                } catch {
                    return error.code == .notFound
                }
            }
            if state.known.count != before { write(&state) }
            return state.known
        }
    }

    // MARK: On the disk

    /// A list that can't be read is kept aside, and another is begun: no conflict is worth a space that can't be used.
    private static func read(_ root: Folder, _ place: RelativePath) -> State {
        var state = State()
        do throws(OfficeError) {
            state.known = try StoreJSON.decode(
                [Conflict].self, try root.read(place, limit: longestFile), place.description)
        } catch  where error.code == .notFound {
            // None yet.
        } catch {
            do throws(OfficeError) {
                try root.move(place, to: try asidePlace(place), replacing: .always)
            } catch {
                state.isSealed = true
            }
        }
        // Said until somebody has taken it away.
        let left = state.isSealed ? place : try? asidePlace(place)
        if let left, (try? root.entry(left)) != nil {
            state.lost = OfficeError(
                .io, left.description,
                "a list of conflicts that can't be read: not all of them may be told of",
                mend: "Look for names with '(conflict of' in the space, where the copies are, and remove the list.")
        }
        return state
    }

    private static func asidePlace(_ place: RelativePath) throws(OfficeError) -> RelativePath {
        try place.parent.appending(try FileName((place.last?.bytes ?? []) + aside))
    }

    /// What can't be written is known until the next start.
    private func write(_ state: inout State) {
        if state.isSealed { return }
        do throws(OfficeError) {
            try root.write(try StoreJSON.encode(state.known, place.description), to: place)
            state.problem = nil
        } catch {
            state.problem = OfficeError(
                error.code, place.description, "conflicts can't be written down: \(error.why)", mend: error.mend)
        }
    }
}
