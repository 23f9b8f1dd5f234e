import Dispatch
import Foundation

/// The other end of NOTIFY_SOCKET: a real Unix datagram socket that keeps what arrives.
final class DatagramReceiver: Sendable {
    /// What goes into NOTIFY_SOCKET.
    let address: String
    private let descriptor: Int32
    private let queue = DispatchQueue(label: "officeshare.tests.datagrams")

    /// - Parameter address: A path, or a name behind '@'.
    init(at address: String) throws {
        self.address = address
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(address.utf8).map { $0 == UInt8(ascii: "@") ? 0 : $0 }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes) }
        let isAbstract = address.hasPrefix("@")
        let length = socklen_t(2 + bytes.count + (isAbstract ? 0 : 1))
        let bound = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        // A test that hears nothing fails, it doesn't hang.
        var patience = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        guard descriptor >= 0, bound == 0 else { throw POSIXError(.EADDRNOTAVAIL) }
    }

    deinit { close(descriptor) }

    /// The next message.
    func next() async throws -> String {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { [self] in
                var bytes = [UInt8](repeating: 0, count: 4096)
                let count = recv(descriptor, &bytes, bytes.count, 0)
                guard count >= 0 else { return continuation.resume(throwing: POSIXError(.ETIMEDOUT)) }
                continuation.resume(returning: String(decoding: bytes.prefix(count), as: UTF8.self))
            }
        }
    }

    /// The next message that is no sign of life.
    func nextBesideWatchdog() async throws -> String {
        while true {
            let message = try await next()
            if message != "WATCHDOG=1" { return message }
        }
    }
}
