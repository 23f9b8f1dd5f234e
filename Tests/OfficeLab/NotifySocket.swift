internal import CLinux
internal import Dispatch
internal import Glibc
internal import OfficeCore
internal import Synchronization

/// The receiving end of sd_notify(3): what the daemon would tell systemd.
final class NotifySocket: Sendable {
    private let source: Mutex<(any DispatchSourceRead)?>
    private let messages: Storage

    private final class Storage: Sendable {
        let lines = Mutex<[String]>([])
    }

    /// Binds a datagram socket at `path`, writable for everybody.
    init(_ path: String) throws(OfficeError) {
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw .errno("socket", of: path) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { buffer in
            guard path.utf8.count < buffer.count else { return false }
            buffer.copyBytes(from: path.utf8)
            return true
        }
        unlink(path)
        let bound = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        guard fits, bound == 0, chmod(path, 0o666) == 0 else {
            close(descriptor)
            throw .errno("bind", of: path)
        }

        let messages = Storage()
        self.messages = messages
        let source = DispatchSource.makeReadSource(
            fileDescriptor: descriptor, queue: DispatchQueue(label: "officelab.notify"))
        source.setEventHandler {
            var buffer = [UInt8](repeating: 0, count: 4096)
            let count = recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            guard count > 0 else { return }
            let text = String(decoding: buffer.prefix(count), as: UTF8.self)
            messages.lines.withLock { $0 += text.split(separator: "\n").map(String.init) }
        }
        source.setCancelHandler { close(descriptor) }
        source.activate()
        self.source = Mutex(source)
    }

    /// Every assignment received so far, in order: `READY=1`, `STATUS=...`.
    var received: [String] { messages.lines.withLock { $0 } }

    deinit { source.withLock { $0?.cancel() } }
}
