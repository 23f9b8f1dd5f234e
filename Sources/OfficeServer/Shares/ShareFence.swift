import OfficeCore
import OfficeFolders
import OfficeTransfer
import Synchronization

/// Whether a share may be changed right now: closed for a moment while it moves to the centre, so that what was
/// acknowledged is copied, and what is not is refused.
final class ShareFence: Sendable {
    private struct State {
        var isClosed = false
        /// Changes that are under way.
        var changing = 0
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    /// No change begins from now on. Returns when none is under way.
    func close() async {
        await withCheckedContinuation { continuation in
            let isIdle = state.withLock { state in
                state.isClosed = true
                if state.changing > 0 { state.waiting.append(continuation) }
                return state.changing == 0
            }
            if isIdle { continuation.resume() }
        }
    }

    func open() { state.withLock { $0.isClosed = false } }

    func change<Value>(_ what: String, _ body: () throws(OfficeError) -> Value) throws(OfficeError) -> Value {
        let isClosed = state.withLock { state in
            if !state.isClosed { state.changing += 1 }
            return state.isClosed
        }
        guard !isClosed else { throw Self.moving(what) }
        defer {
            let waiting = state.withLock { state in
                state.changing -= 1
                guard state.changing == 0 else { return [CheckedContinuation<Void, Never>]() }
                defer { state.waiting = [] }
                return state.waiting
            }
            for continuation in waiting { continuation.resume() }
        }
        return try body()
    }

    static func moving(_ what: String) -> OfficeError {
        OfficeError(
            .temporary, what, "the share is moving to the file server", mend: "Run the same again in a moment.")
    }
}

/// A share's folder, changed only while its fence is open.
struct FencedFolder: FolderChanging {
    let folder: Folder
    let fence: ShareFence

    func reserve(_ size: Int64, for path: RelativePath) -> Reservation? { folder.reserve(size, for: path) }

    func commit(_ file: CompleteFile) throws(OfficeError) -> FileName? {
        try fence.change(file.path.description) { () throws(OfficeError) -> FileName? in
            try folder.commit(file)
            return nil
        }
    }

    func confirm() throws(OfficeError) {}

    func makeDirectory(_ path: RelativePath) throws(OfficeError) {
        try fence.change(path.description) { () throws(OfficeError) in try folder.makeDirectory(path) }
    }

    func makeSymlink(_ path: RelativePath, target: [UInt8], replacing: Replacement) throws(OfficeError) {
        try fence.change(path.description) { () throws(OfficeError) in
            try folder.makeSymlink(path, target: target, replacing: replacing)
        }
    }

    func move(_ from: RelativePath, to: RelativePath, replacing: Replacement) throws(OfficeError) {
        try fence.change(from.description) { () throws(OfficeError) in
            try folder.move(from, to: to, replacing: replacing)
        }
    }

    func remove(_ path: RelativePath, recursive: Bool) throws(OfficeError) {
        try fence.change(path.description) { () throws(OfficeError) in
            try folder.remove(path, recursive: recursive)
        }
    }

    func setModified(_ path: RelativePath, _ time: FileTime) throws(OfficeError) {
        try fence.change(path.description) { () throws(OfficeError) in try folder.setModified(path, time) }
    }

    func setExecutable(_ path: RelativePath, _ executable: Bool) throws(OfficeError) {
        try fence.change(path.description) { () throws(OfficeError) in try folder.setExecutable(path, executable) }
    }

    func sync(_ path: RelativePath) throws(OfficeError) { try folder.sync(path) }
}
