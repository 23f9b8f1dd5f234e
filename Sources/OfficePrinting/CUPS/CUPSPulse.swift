internal import CCUPS
internal import CLinux
internal import Glibc
import OfficeCore

/// Two requests that cupsd does one right after the other, and writes nothing down in between.
///
/// cupsd is one thread. In each of its turns it takes up the requests that are there, does them in the order in which
/// they came, and then writes down what changed. So both have to be there when a turn begins. For that it is kept in the
/// turn before by a third request, of which the end is missing: it waits for that, in the midst of an attribute, up to
/// 10 s (libcups does, `ipp_read_http`). What cupsd has read, the kernel tells. And in each turn cupsd reads one attribute
/// of each request: so both need equally many.
///
/// Not `Sendable`: belongs to the `CUPSScheduler` that made it.
final class CUPSPulse {
    private let socket: String
    private let timeout: Double
    private let first: CUPSConnection
    private let second: CUPSConnection

    /// - Parameter timeout: Seconds that cupsd may be silent.
    init(socket: String, timeout: Double) {
        self.socket = socket
        self.timeout = timeout
        first = CUPSConnection(socket: socket, timeout: timeout)
        second = CUPSConnection(socket: socket, timeout: timeout)
    }

    struct Outcome {
        var first: IPPMessage
        var second: IPPMessage
        /// Whether they came together. A cupsd that doesn't wait for the end of a request does them as they come.
        var cameTogether: Bool
    }

    /// What cupsd answers to both, which are short and have the same number of attributes.
    ///
    /// Throws `.unavailable` where one of them has no answer; then the first may have been done without the second.
    func send(_ request: IPPMessage, then other: IPPMessage, resource: String) throws(OfficeError) -> Outcome {
        let opening = try CUPSConnection.Announced(request)
        let closing = try CUPSConnection.Announced(other)
        do throws(OfficeError) {
            // Their headers are read in turns of their own, else one of them could be in the turn that is held up.
            try first.announce(opening, resource: resource)
            try second.announce(closing, resource: resource)
            try untilRead(first.isRead)
            try untilRead(second.isRead)
            let occupation = try UnfinishedRequest(socket, timeout)
            try untilRead(occupation.isRead)
            try first.deliver(opening)
            try second.deliver(closing)
            let cameTogether = !first.hasAnswer
            try occupation.finish()
            let answer = try first.finish(resource: resource)
            let last = try second.finish(resource: resource)
            return Outcome(first: answer, second: last, cameTogether: cameTogether)
        } catch {
            // What was announced and not delivered is nobody's.
            first.close()
            second.close()
            throw error
        }
    }

    /// cupsd is a turn away: looked for closely, then in steps of 50 µs.
    private func untilRead(_ isRead: @autoclosure () -> Bool) throws(OfficeError) {
        let clock = ContinuousClock()
        let end = clock.now + .seconds(timeout)
        while !isRead() {
            guard clock.now < end else { throw CUPSConnection.unreachable("it doesn't answer") }
            usleep(50)
        }
    }
}

/// A request for the name of one queue, of which the end is missing.
private final class UnfinishedRequest {
    private let file: CInt
    private let rest: ArraySlice<UInt8>

    init(_ path: String, _ timeout: Double) throws(OfficeError) {
        let message = try IPPCodec.encode(
            CUPSRequest.message(
                .getPrinters, .everything, wanting: ["printer-name"], [IPPAttribute("limit", .integer(1))]))
        let header = """
            POST / HTTP/1.1\r
            Host: localhost\r
            Connection: close\r
            Content-Type: application/ipp\r
            Content-Length: \(message.count)\r
            \r

            """
        // IPP's own header, the group, the attribute's tag, and one byte of its name's length.
        let beginning = 8 + 1 + 1 + 1
        rest = message[beginning...]
        file = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard file >= 0 else { throw CUPSConnection.unreachable("there is no socket for it") }
        var patience = timeval(tv_sec: max(1, Int(timeout)), tv_usec: 0)
        setsockopt(file, SOL_SOCKET, SO_SNDTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        try connect(to: path)
        try send(Array(header.utf8) + message[..<beginning])
    }

    deinit { close(file) }

    var isRead: Bool { CUPSConnection.hasReadAll(of: file) }

    /// Lets cupsd go on. Its answer is nobody's.
    func finish() throws(OfficeError) { try send(Array(rest)) }

    private func connect(to path: String) throws(OfficeError) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { room in
            let bytes = Array(path.utf8)
            guard bytes.count < room.count else { return false }
            room.copyBytes(from: bytes)
            return true
        }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        guard fits else { throw CUPSConnection.unreachable("its socket's path is too long") }
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { Glibc.connect(file, $0, size) }
        }
        guard result == 0 else { throw CUPSConnection.unreachable("it can't be reached") }
    }

    /// It is less than any socket takes at once.
    private func send(_ bytes: [UInt8]) throws(OfficeError) {
        guard Glibc.send(file, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else {
            throw CUPSConnection.unreachable("it doesn't listen")
        }
    }
}
