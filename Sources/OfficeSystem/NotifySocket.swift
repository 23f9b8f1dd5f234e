import Dispatch
package import OfficeCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The service manager's ear: a Unix datagram socket that takes lines of `KEY=VALUE` (sd_notify(3)).
///
/// Nothing is held open between messages, so nothing breaks when the manager is executed anew.
package struct NotifySocket: Sendable {
    /// A path, or a name behind `@` in the abstract name space.
    private let address: String

    private static let queue = DispatchQueue(label: "officeshare.system.notify")

    /// nil where `address` is neither a path nor an abstract name that fits (there are also `vsock:` addresses,
    /// for virtual machines' own managers).
    package init?(address: String) {
        guard let first = address.first, first == "/" || first == "@", address.utf8.count > 1,
            address.utf8.count < Self.capacity, !address.utf8.contains(0)
        else { return nil }
        self.address = address
    }

    /// Sends one message; returns once the kernel has it. In order, where one call awaits the other.
    package func send(_ lines: [String]) async throws(OfficeError) {
        let message = Array(lines.joined(separator: "\n").utf8)
        try await withCheckedContinuation { continuation in
            Self.queue.async {
                continuation.resume(returning: Result { () throws(OfficeError) in try transmit(message) })
            }
        }.get()
    }

    /// What `sun_path` holds: 108 bytes on Linux, unix(7).
    private static let capacity = MemoryLayout.size(ofValue: sockaddr_un().sun_path)

    private func transmit(_ message: [UInt8]) throws(OfficeError) {
        func failure() -> OfficeError {
            OfficeError(.io, "NOTIFY_SOCKET", "the service manager can't be told: \(String(cString: strerror(errno)))")
        }
        #if canImport(Glibc)
            let datagram = Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue)
        #else
            let datagram = SOCK_DGRAM
        #endif
        let descriptor = socket(AF_UNIX, datagram, 0)
        guard descriptor >= 0 else { throw failure() }
        defer { close(descriptor) }
        // A manager that doesn't read must not hold the daemon up for ever.
        var patience = timeval(tv_sec: 2, tv_usec: 0)
        _ = setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))

        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        var bytes = Array(address.utf8)
        // The abstract name space is marked by a NUL in the place of the '@', and ends with the length, not with a NUL.
        if bytes[0] == UInt8(ascii: "@") { bytes[0] = 0 } else { bytes.append(0) }
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: bytes.prefix($0.count)) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.offset(of: \.sun_path) ?? 2) + socklen_t(bytes.count)

        let sent = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { generic in
                sendto(descriptor, message, message.count, Int32(MSG_NOSIGNAL), generic, length)
            }
        }
        guard sent == message.count else { throw failure() }
    }
}
