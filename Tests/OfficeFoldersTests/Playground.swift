import CLinux
import Glibc
import OfficeCore
import OfficeFolders

/// A directory of a test's own, with a shared folder in it and a place outside of it; removed with the last
/// reference. What the tests do there they do by path and plainly, as the user would.
final class Playground: Sendable {
    let path: String
    var shared: String { path + "/shared" }
    var outside: String { path + "/outside" }

    /// Where thousands of fsyncs cost nothing.
    static let memory = "/dev/shm"

    private let isMount: Bool

    /// With `alone` on a file system of its own, which nobody else comes across who searches the machine.
    init(in base: String = "/tmp", alone: Bool = false) {
        isMount = alone
        var template = Array("\(base)/officefolders-XXXXXX".utf8CString)
        path =
            mkdtemp(&template) == nil
            ? "/nonexistent" : String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if alone { mount("tmpfs", path, "tmpfs", 0, nil) }
        mkdir(shared, 0o755)
        mkdir(outside, 0o755)
        chmod(path, 0o755)
    }

    deinit {
        if isMount { umount2(path, Int32(MNT_DETACH)) }
        run("rm", "-rf", "--", path)
    }

    func folder() throws -> Folder { try Folder(at: Array(shared.utf8)) }

    func write(_ text: String, to path: String) {
        let fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        _ = text.utf8CString.withUnsafeBytes { Glibc.write(fd, $0.baseAddress, $0.count - 1) }
        close(fd)
    }

    func read(_ path: String) -> String? { bytes(path).map { String(decoding: $0, as: UTF8.self) } }

    /// At most the first MiB of a file.
    func bytes(_ path: String) -> [UInt8]? {
        let fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = Glibc.read(fd, &bytes, bytes.count)
        return count < 0 ? nil : Array(bytes.prefix(count))
    }

    func names(_ directory: String) -> Set<String> {
        guard let handle = opendir(directory) else { return [] }
        defer { closedir(handle) }
        var names: Set<String> = []
        while let entry = readdir(handle) {
            names.insert(withUnsafePointer(to: &entry.pointee.d_name.0) { String(cString: $0) })
        }
        return names.subtracting([".", ".."])
    }

    func status(_ path: String) -> stat? {
        var status = stat()
        return lstat(path, &status) == 0 ? status : nil
    }
}

/// Runs a program of the system to its end; its exit status.
@discardableResult
func run(_ arguments: String...) -> Int32 {
    var pid: pid_t = 0
    var argv = arguments.map { strdup($0) } + [nil]
    defer { for argument in argv { free(argument) } }
    guard posix_spawnp(&pid, arguments[0], nil, nil, &argv, environ) == 0 else { return -1 }
    var status: Int32 = 0
    while waitpid(pid, &status, 0) < 0 && errno == EINTR {}
    return status
}

extension RelativePath {
    static func of(_ text: String) throws -> RelativePath { try RelativePath(parsing: text) }
}

extension PartialFile {
    func write(_ text: String, at offset: Int64 = 0) throws {
        try Array(text.utf8).withUnsafeBytes { try write($0, at: offset) }
    }
}

extension ReadableFile {
    func text() throws -> String {
        var bytes = [UInt8](repeating: 0, count: Int(identity.size) + 1)
        let count = try bytes.withUnsafeMutableBytes { try read(into: $0, at: 0) }
        return String(decoding: bytes.prefix(count), as: UTF8.self)
    }
}

extension DirectoryListing {
    func all() throws -> [Entry] {
        var entries: [Entry] = []
        while true {
            let more = try next(upTo: 1000)
            if more.isEmpty { return entries }
            entries += more
        }
    }
}

/// The code that `body` fails with; nil where it doesn't.
func code(_ body: () throws -> Void) -> OfficeError.Code? {
    do {
        try body()
        return nil
    } catch {
        return (error as? OfficeError)?.code ?? .fault
    }
}
