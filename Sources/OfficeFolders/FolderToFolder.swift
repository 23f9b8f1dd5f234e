import CLinux
import Glibc
package import OfficeCore

// What goes from one folder to another of the same process: neither a link nor a race leads out of either.

extension Folder {
    /// Moves what is at `from` into another folder, in one step. Nothing there is replaced.
    package func move(_ from: RelativePath, into other: Folder, as to: RelativePath) throws(OfficeError) {
        let source = Place(try parent(of: from))
        let target = Place(try other.place(for: to))
        try source.rename(to: target, replacing: .never, from: from.what, to.what)
    }

    /// Gives a file or a link a second name in another folder; where the file system has no second names for it,
    /// a copy, sharing its blocks where that is possible. Nothing there is replaced.
    package func link(_ from: RelativePath, into other: Folder, as to: RelativePath) throws(OfficeError) {
        let source = Place(try parent(of: from))
        let target = Place(try other.place(for: to))
        let linked = source.name.withCString { old in
            target.name.call { linkat(source.directory.number, old, target.directory.number, $0, 0) }
        }
        switch linked.errno {
        case 0: return
        case EPERM, EMLINK, EOPNOTSUPP, ENOSYS, EXDEV: try copy(from, into: other, as: to)
        default: throw linked.error(from.what)
        }
    }

    /// Copies a file or a link with its time, on the disk before it has its name; `from` may change meanwhile, then
    /// it is `.changed`.
    package func copy(_ from: RelativePath, into other: Folder, as to: RelativePath) throws(OfficeError) {
        let entry = try self.entry(from)
        if let target = entry.target {
            try other.makeSymlink(to, target: target)
            return try other.setModified(to, entry.modified)
        }
        let file = try open(from)
        let partial = try other.partial(for: to, key: "copy")
        do throws(OfficeError) {
            try partial.setSize(0)
            try partial.fill(from: file)
            guard try file.currentIdentity().isSameContent(as: file.identity) else { throw .unstable(from.what) }
            try partial.commit(
                modified: file.identity.modified, executable: file.executable, replacing: .never,
                durableDirectory: false)
        } catch {
            try? partial.discard()
            throw error
        }
    }

    /// Makes a folder with what is missing on the way; it being there is no error.
    package func makeDirectories(_ path: RelativePath) throws(OfficeError) {
        var way = RelativePath.root
        for name in path.components {
            way = try way.appending(name)
            do throws(OfficeError) {
                try makeDirectory(way)
            } catch  where error.code == .exists {
                continue
            }
        }
    }

    /// What is below it, without officeshare's own temporaries and without following links.
    package func contents() throws(OfficeError) -> FolderContents {
        var contents = FolderContents()
        try TreeWalk(root: self).run { (directory, name, handle) throws(OfficeError) -> Bool in
            guard !name.isReserved, let status = try handle.look(at: name, directory.what) else { return false }
            contents.count(status)
            return status.isDirectory
        } closed: { (directory, error) throws(OfficeError) in
            if directory.isRoot { throw error }
        }
        return contents
    }

    /// Calls `visit` with everything below it but folders, in no order: names are told as they are found, and what
    /// `visit` does to them is its own affair.
    package func walk(_ visit: (RelativePath, Entry) throws(OfficeError) -> Void) throws(OfficeError) {
        try TreeWalk(root: self).run { (directory, name, handle) throws(OfficeError) -> Bool in
            guard !name.isReserved, let status = try handle.look(at: name, directory.what) else { return false }
            if status.isDirectory { return true }
            let path = try directory.appending(name)
            let target = status.isLink ? try handle.target(of: name, path.what) : nil
            if let entry = Entry(path: path, status: status, target: target) { try visit(path, entry) }
            return false
        } closed: { (directory, error) throws(OfficeError) in
            throw error
        }
    }
}

/// How much is in a folder, and below it.
package struct FolderContents: Sendable, Hashable {
    /// Files and links.
    package var files = 0
    /// Bytes of the files, as their sizes are.
    package var bytes: Int64 = 0

    package init(files: Int = 0, bytes: Int64 = 0) {
        self.files = files
        self.bytes = bytes
    }

    mutating func count(_ status: stat) {
        guard !status.isDirectory else { return }
        files += 1
        if status.isRegular { bytes += Int64(status.st_size) }
    }
}

extension PartialFile {
    private static let pieceBytes = 1 << 20

    /// Takes all of a file, from the first byte on; where the file system can, by sharing its blocks.
    package func fill(from file: ReadableFile) throws(OfficeError) {
        if try share(file) { return }
        let piece = UnsafeMutableRawBufferPointer.allocate(byteCount: Self.pieceBytes, alignment: 4096)
        defer { piece.deallocate() }
        var offset: Int64 = 0
        while true {
            let count = try file.read(into: piece, at: offset)
            if count == 0 { return }
            try write(UnsafeRawBufferPointer(rebasing: piece[..<count]), at: offset)
            offset += Int64(count)
        }
    }
}
