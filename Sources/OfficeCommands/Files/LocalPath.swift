import OfficeCore
import OfficeFolders

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// A path of this machine as typed: the caller's own, so links and `..` mean what the shell means by them.
struct LocalPath: Sendable, Hashable, CustomStringConvertible {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) { self.bytes = bytes.isEmpty ? Array(".".utf8) : bytes }

    init(_ argument: ByteString) throws(OfficeError) {
        guard !argument.bytes.isEmpty else { throw OfficeError(.malformed, "''", "the path is empty") }
        bytes = argument.bytes
    }

    var description: String { escapedForTerminal(bytes) }

    /// Whether it is written as `sync` wants a local path: `/…`, `./…`, `../…`, `.` or `..`.
    static func isWrittenLocally(_ bytes: [UInt8]) -> Bool {
        [".", ".."].contains { bytes == Array($0.utf8) }
            || ["/", "./", "../"].contains { bytes.starts(with: $0.utf8) }
    }

    /// The folder it is in and its name there; nil where the name is `/`, `.` or `..`, which name no entry.
    var split: (folder: LocalPath, name: FileName)? {
        var rest = bytes[...]
        while rest.count > 1, rest.last == 0x2F { rest.removeLast() }
        let start = rest.lastIndex(of: 0x2F).map { $0 + 1 } ?? rest.startIndex
        guard let name = try? FileName(rest[start...]) else { return nil }
        // Without the slash, unless that is all there is.
        let folder = start == rest.startIndex ? [] : Array(rest[..<max(start - 1, 1)])
        return (LocalPath(folder), name)
    }

    func appending(_ name: FileName) -> LocalPath {
        LocalPath(bytes + (bytes.last == 0x2F ? [] : [0x2F]) + name.bytes)
    }

    var endsInSlash: Bool { bytes.last == 0x2F }

    /// What is there, links followed; nil where nothing is. Blocks.
    func kind() throws(OfficeError) -> Entry.Kind? {
        var status = stat()
        guard bytes.withTerminated({ stat($0, &status) }) != 0 else {
            return status.st_mode & S_IFMT == S_IFDIR ? .directory : .file
        }
        if errno == ENOENT || errno == ENOTDIR { return nil }
        let code: OfficeError.Code = errno == EACCES ? .notAllowed : .io
        throw OfficeError(code, description, String(cString: strerror(errno)))
    }

    /// With the working directory before it where it is relative. Blocks.
    var absolute: [UInt8] {
        guard bytes.first != 0x2F else { return bytes }
        var buffer = [CChar](repeating: 0, count: RelativePath.maximumLength + 1)
        guard getcwd(&buffer, buffer.count) != nil else { return bytes }
        return buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) } + [0x2F] + bytes
    }
}
