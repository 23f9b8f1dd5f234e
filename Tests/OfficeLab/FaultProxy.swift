internal import CLinux
internal import Foundation
internal import Glibc
internal import OfficeCore
internal import Synchronization

/// A TCP proxy inside a host's network that passes bytes on, and spoils them as it is told.
///
/// It runs on threads of this process that have entered the host's network namespace, so a test can change
/// its faults and read its counters while connections flow.
package final class FaultProxy: Sendable {
    /// What goes wrong. Counts are of bytes in each connection, both ways together, since the faults were set.
    package struct Faults: Sendable {
        /// Both ends are closed after so many bytes.
        package var cutAfter: Int?
        /// Both ends are reset (RST) after so many bytes.
        package var resetAfter: Int?
        /// Nothing passes either way any more after so many bytes, and the connection stays open.
        package var stallAfter: Int?
        /// How long that lasts, once in a connection; nil: for ever.
        package var stallFor: Duration?
        /// One bit of every so manieth byte is flipped.
        package var corruptEvery: Int?
        /// New connections are accepted and closed at once.
        package var refuse = false

        package init(
            cutAfter: Int? = nil, resetAfter: Int? = nil, stallAfter: Int? = nil, stallFor: Duration? = nil,
            corruptEvery: Int? = nil, refuse: Bool = false
        ) {
            self.cutAfter = cutAfter
            self.resetAfter = resetAfter
            self.stallAfter = stallAfter
            self.stallFor = stallFor
            self.corruptEvery = corruptEvery
            self.refuse = refuse
        }
    }

    /// What has passed so far.
    package struct Counts: Sendable, Equatable {
        package var connections = 0
        package var toClient = 0
        package var toServer = 0
        /// Connections that were cut, reset or spoilt, and stalls, as the faults say.
        package var faults = 0
    }

    struct State {
        var faults = Faults()
        /// Grows with each change of the faults: connections count anew.
        var generation = 0
        var counts = Counts()
        var stopped = false
    }

    /// The port it listens on, on every address of the host.
    package let port: UInt16
    private let listener: Int32
    private let shared: Shared

    final class Shared: Sendable {
        let state = Mutex(State())
    }

    /// Listens in `host` on `port` (0: a free one) and connects to `server`, an IPv4 address, at `serverPort`.
    package init(
        in host: LabHost, port: UInt16 = 0, to server: String, _ serverPort: UInt16, faults: Faults = .init()
    ) async throws {
        let shared = Shared()
        shared.state.withLock { $0.faults = faults }
        self.shared = shared
        let namespace = open("/proc/\(host.pid)/ns/net", O_RDONLY | O_CLOEXEC)
        guard namespace >= 0 else { throw OfficeError.errno("open", of: host.name) }
        let listening: Result<(Int32, UInt16), OfficeError> = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                guard os_setns_net(namespace) == 0 else {
                    return continuation.resume(returning: .failure(.errno("setns", of: host.name)))
                }
                close(namespace)
                let result = Result { () throws(OfficeError) in try TCP.listen(port) }
                continuation.resume(returning: result)
                guard case .success(let (listener, _)) = result else { return }
                Self.accept(listener, shared) { TCP.connect(server, serverPort) }
            }
        }
        (listener, self.port) = try listening.get()
    }

    /// What goes wrong from now on, also on connections that are open.
    package var faults: Faults {
        get { shared.state.withLock { $0.faults } }
        set {
            shared.state.withLock { state in
                state.faults = newValue
                state.generation += 1
            }
        }
    }

    package var counts: Counts { shared.state.withLock { $0.counts } }

    /// Closes its port and its connections.
    package func stop() {
        shared.state.withLock { $0.stopped = true }
        // Wakes the accepting thread, which closes the socket.
        shutdown(listener, Int32(SHUT_RDWR))
    }

    deinit { stop() }

    /// The accepting thread: it makes both sockets, for sockets stay in the namespace they were made in.
    private static func accept(_ listener: Int32, _ shared: Shared, connect: () -> Int32) {
        defer { close(listener) }
        while true {
            // Not for children of this process, which would keep it open; and blocking, like the listener.
            let client = os_accept(listener)
            if client >= 0 { _ = fcntl(client, F_SETFL, 0) }
            let (stopped, refuse) = shared.state.withLock { ($0.stopped, $0.faults.refuse) }
            guard client >= 0, !stopped else {
                if client >= 0 { close(client) }
                return
            }
            let server = refuse ? -1 : connect()
            guard server >= 0 else {
                close(client)
                continue
            }
            shared.state.withLock { $0.counts.connections += 1 }
            Thread.detachNewThread {
                var relay = Relay(client: client, server: server, shared: shared)
                relay.run()
            }
        }
    }
}

/// One proxied connection, on a thread of its own.
private struct Relay {
    let client: Int32
    let server: Int32
    let shared: FaultProxy.Shared
    /// Bytes passed, both ways together, under the faults of this generation.
    private var passed = 0
    private var generation = 0
    private var stalledSince: ContinuousClock.Instant?
    /// Milliseconds that the ends have to take what was passed.
    private static let drainings = 500
    private var hasStalled = false
    /// Whether a bit of it has been flipped: over TLS nothing behind that is of use, so it counts once.
    private var isSpoilt = false

    init(client: Int32, server: Int32, shared: FaultProxy.Shared) {
        self.client = client
        self.server = server
        self.shared = shared
    }

    mutating func run() {
        defer {
            close(client)
            close(server)
        }
        var open = (client: true, server: true)
        while open.client || open.server {
            let (faults, latest, stopped) = shared.state.withLock { ($0.faults, $0.generation, $0.stopped) }
            guard !stopped else { return }
            if latest != generation { renew(latest) }
            guard !isOver(faults) else { return shared.state.withLock { $0.counts.faults += 1 } }
            let stalled = isStalled(faults)
            var sockets = [
                pollfd(fd: open.client && !stalled ? client : -1, events: Int16(POLLIN), revents: 0),
                pollfd(fd: open.server && !stalled ? server : -1, events: Int16(POLLIN), revents: 0),
            ]
            // The time-out is for the faults, which may change meanwhile.
            guard poll(&sockets, 2, 50) >= 0 else { return }
            if sockets[0].revents != 0 {
                guard let count = pass(from: client, to: server, faults) else { return }
                open.client = count > 0
                shared.state.withLock { $0.counts.toServer += count }
            }
            if sockets[1].revents != 0, !isOver(faults) {
                guard let count = pass(from: server, to: client, faults) else { return }
                open.server = count > 0
                shared.state.withLock { $0.counts.toClient += count }
            }
        }
    }

    /// The faults are others now.
    private mutating func renew(_ latest: Int) {
        (generation, passed, stalledSince, hasStalled, isSpoilt) = (latest, 0, nil, false, false)
    }

    /// Whether the connection has passed what it may.
    private func isOver(_ faults: FaultProxy.Faults) -> Bool {
        if let reset = faults.resetAfter, passed >= reset {
            // What was passed has arrived: a reset throws away what waits to be sent.
            for _ in 0..<Self.drainings where TCP.unsent(client) + TCP.unsent(server) > 0 { poll(nil, 0, 1) }
            TCP.resetWhenClosed(client, server)
            return true
        }
        return faults.cutAfter.map { passed >= $0 } ?? false
    }

    private mutating func isStalled(_ faults: FaultProxy.Faults) -> Bool {
        guard let limit = faults.stallAfter, passed >= limit, !hasStalled else { return false }
        if stalledSince == nil {
            stalledSince = .now
            shared.state.withLock { $0.counts.faults += 1 }
        }
        guard let since = stalledSince, let pause = faults.stallFor else { return true }
        hasStalled = .now - since >= pause
        return !hasStalled
    }

    private mutating func spoil(_ byte: inout UInt8) {
        byte ^= 0x10
        guard !isSpoilt else { return }
        isSpoilt = true
        shared.state.withLock { $0.counts.faults += 1 }
    }

    /// Bytes that may still pass before the next fault.
    private func room(_ faults: FaultProxy.Faults) -> Int? {
        [faults.cutAfter, faults.resetAfter, hasStalled ? nil : faults.stallAfter].compactMap { $0 }.min()
            .map { max(1, $0 - passed) }
    }

    /// Passes on what is there, up to the next fault: how many bytes, 0 at the end (which it passes on too), nil when
    /// an end is gone.
    private mutating func pass(from: Int32, to: Int32, _ faults: FaultProxy.Faults) -> Int? {
        var buffer = [UInt8](repeating: 0, count: min(64 << 10, room(faults) ?? .max))
        let count = recv(from, &buffer, buffer.count, 0)
        guard count > 0 else {
            shutdown(to, Int32(SHUT_WR))
            return count == 0 ? 0 : nil
        }
        if let every = faults.corruptEvery {
            // Counted over the whole connection, so that small reads don't escape.
            for index in 0..<count where (passed + index + 1) % every == 0 { spoil(&buffer[index]) }
        }
        var sent = 0
        while sent < count {
            let written = buffer.withUnsafeBytes { bytes in
                send(to, bytes.baseAddress.map { $0 + sent }, count - sent, Int32(MSG_NOSIGNAL))
            }
            guard written > 0 else { return nil }
            sent += written
        }
        passed += count
        return count
    }
}

/// Plain blocking sockets.
private enum TCP {
    static func listen(_ port: UInt16) throws(OfficeError) -> (Int32, UInt16) {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard listener >= 0 else { throw .errno("socket", of: "the proxy") }
        var yes: Int32 = 1
        setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, socklen_t(MemoryLayout<Int32>.size))
        var name = address("0.0.0.0", port)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listening = withUnsafeMutablePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, length) == 0 && Glibc.listen(listener, 64) == 0
                    && getsockname(listener, $0, &length) == 0
            }
        }
        guard listening else {
            close(listener)
            throw .errno("listen", of: "the proxy's port \(port)")
        }
        return (listener, UInt16(bigEndian: name.sin_port))
    }

    /// A connected socket, or -1.
    static func connect(_ host: String, _ port: UInt16) -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return -1 }
        let connected = withUnsafePointer(to: address(host, port)) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else {
            close(descriptor)
            return -1
        }
        return descriptor
    }

    /// Bytes that the other end's kernel has not confirmed.
    static func unsent(_ descriptor: Int32) -> Int32 {
        var count: Int32 = 0
        return ioctl(descriptor, UInt(TIOCOUTQ), &count) == 0 ? count : 0
    }

    /// Makes close(2) send RST instead of FIN (socket(7), SO_LINGER).
    static func resetWhenClosed(_ descriptors: Int32...) {
        var linger = linger(l_onoff: 1, l_linger: 0)
        for descriptor in descriptors {
            setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &linger, socklen_t(MemoryLayout.size(ofValue: linger)))
        }
    }

    private static func address(_ host: String, _ port: UInt16) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        inet_pton(AF_INET, host, &address.sin_addr)
        return address
    }
}
