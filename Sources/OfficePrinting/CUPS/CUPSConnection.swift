internal import CCUPS
internal import Glibc
import OfficeCore

/// One HTTP connection to the local cupsd's Unix socket.
///
/// Not `Sendable`: it belongs to the `CUPSScheduler` that made it and is used on that actor's executor alone. What
/// libcups keeps per thread (its last error, the password callback) is set or read within one call.
final class CUPSConnection {
    /// Whom cupsd takes us for.
    enum Caller {
        /// The user of this process, proven by the socket's credentials: may see and administer what cupsd lets it.
        case process
        /// The user that the request names. cupsd believes every local program about that, and so the job is theirs.
        case named
    }

    private let socket: String
    private let timeout: Double
    private var http: OpaquePointer?
    /// How often it was made.
    private(set) var generation = 0

    /// - Parameter timeout: Seconds that cupsd may be silent.
    init(socket: String, timeout: Double) {
        self.socket = socket
        self.timeout = timeout
    }

    deinit { close() }

    func close() {
        if let http { httpClose(http) }
        http = nil
    }

    /// What cupsd says it is, of the last answer.
    var greeting: String? {
        http.flatMap { httpGetField($0, HTTP_FIELD_SERVER) }.map { String(cString: $0) }
    }

    /// Sends a request and waits for its answer, whatever its status. Throws `.unavailable` where there is no
    /// answer; a connection that cupsd had closed meanwhile is made anew.
    func exchange(_ request: IPPMessage, resource: String, as caller: Caller) throws(OfficeError) -> IPPMessage {
        try begin(request, resource: resource, as: caller, hasDocument: false)
        return try finish(resource: resource)
    }

    /// Sends a request that a document follows: `write` its bytes, then `finish`.
    func begin(_ request: IPPMessage, resource: String, as caller: Caller, hasDocument: Bool) throws(OfficeError) {
        let http = try connected(as: caller)
        let ipp = try IPPCodec.handle(of: request)
        defer { ippDelete(ipp) }
        ippSetState(ipp, IPP_STATE_IDLE)
        let length = hasDocument ? 0 : ippLength(ipp)
        let status = cupsSendRequest(http, ipp, resource, length)
        guard status == HTTP_STATUS_CONTINUE else { throw failed(status) }
    }

    /// Bytes of the document.
    func write(_ bytes: UnsafeRawBufferPointer) throws(OfficeError) {
        guard let http, let base = bytes.baseAddress?.assumingMemoryBound(to: CChar.self) else { return }
        let status = cupsWriteRequestData(http, base, bytes.count)
        guard status == HTTP_STATUS_CONTINUE else { throw failed(refusal(http) ?? status) }
    }

    /// Why cupsd closed its end in mid-document: it says so before.
    private func refusal(_ http: OpaquePointer) -> http_status_t? {
        // The interim status that began the upload may still be unread.
        for _ in 0..<4 where httpWait(http, 100) != 0 {
            let status = httpUpdate(http)
            if status.rawValue >= HTTP_STATUS_BAD_REQUEST.rawValue { return status }
        }
        return nil
    }

    // MARK: In two steps

    /// Sends what cupsd has to know of a request before it does anything: its HTTP header.
    func announce(_ request: Announced, resource: String) throws(OfficeError) {
        let http = try connected(as: .process)
        httpClearFields(http)
        httpSetField(http, HTTP_FIELD_CONTENT_TYPE, "application/ipp")
        httpSetField(http, HTTP_FIELD_AUTHORIZATION, httpGetAuthString(http))
        httpSetLength(http, request.length)
        guard httpPost(http, resource) == 0 else { throw failed(httpGetStatus(http)) }
    }

    /// Sends the rest of it, in one piece (it is short). `finish` gives the answer.
    func deliver(_ request: Announced) throws(OfficeError) {
        guard let http else { throw Self.unreachable("the connection was closed") }
        ippSetState(request.ipp, IPP_STATE_IDLE)
        guard ippWrite(http, request.ipp) == IPP_STATE_DATA, httpFlushWrite(http) >= 0 else {
            throw failed(httpGetStatus(http))
        }
    }

    /// Whether something of an answer is there, or the connection's end.
    var hasAnswer: Bool {
        guard let http else { return true }
        var poll = pollfd(fd: httpGetFd(http), events: Int16(POLLIN), revents: 0)
        return Glibc.poll(&poll, 1, 0) != 0
    }

    /// Whether cupsd has read all that was sent to it.
    var isRead: Bool { http.map { Self.hasReadAll(of: httpGetFd($0)) } ?? true }

    /// Whether a Unix socket's other end has read all that was sent.
    static func hasReadAll(of socket: CInt) -> Bool {
        var unread: CInt = 0
        // unix(7), SIOCOUTQ: what takes up room here until it is read there.
        return ioctl(socket, UInt(TIOCOUTQ), &unread) != 0 || unread == 0
    }

    /// A request in libcups's own form.
    final class Announced {
        fileprivate let ipp: OpaquePointer
        fileprivate var length: Int { ippLength(ipp) }

        init(_ request: IPPMessage) throws(OfficeError) { ipp = try IPPCodec.handle(of: request) }

        deinit { ippDelete(ipp) }
    }

    /// The answer to what `begin` or `deliver` sent.
    func finish(resource: String) throws(OfficeError) -> IPPMessage {
        guard let http else { throw Self.unreachable("the connection was closed") }
        guard let response = cupsGetResponse(http, resource) else { throw failed(httpGetStatus(http)) }
        defer { ippDelete(response) }
        return try IPPCodec.message(of: response, limits: Self.limits)
    }

    /// cupsd is trusted not to be hostile, but not to be small: an answer may tell of 500 jobs or 100 queues.
    private static let limits = IPPCodec.Limits(bytes: 64 << 20, attributes: 200_000, values: 2_000_000)

    private func connected(as caller: Caller) throws(OfficeError) -> OpaquePointer {
        let http = try connected()
        httpSetAuthString(http, nil, nil)
        if caller == .process, let user = Self.processUser { httpSetAuthString(http, "PeerCred", user) }
        // Without this libcups asks for a password on the terminal.
        cupsSetPasswordCB2({ _, _, _, _, _ in nil }, nil)
        return http
    }

    private func connected() throws(OfficeError) -> OpaquePointer {
        if let http {
            // Between an answer and the next request cupsd has nothing to say but that it is gone.
            if !hasAnswer, httpGetState(http) == HTTP_STATE_WAITING { return http }
            close()
        }
        let milliseconds = Int32(timeout * 1_000)
        guard
            let made = httpConnect2(
                socket, 0, nil, AF_UNSPEC, HTTP_ENCRYPTION_IF_REQUESTED, 1, milliseconds, nil)
        else { throw Self.unreachable(cupsLastErrorString().map { String(cString: $0) } ?? "it can't be reached") }
        // A silence of that length ends the request.
        httpSetTimeout(made, timeout, { _, _ in 0 }, nil)
        http = made
        generation += 1
        return made
    }

    /// What became of a request without an answer; the connection is of no more use.
    private func failed(_ status: http_status_t) -> OfficeError {
        let text = cupsLastErrorString().map { String(cString: $0) }
        close()
        return CUPSFailure.http(Int(status.rawValue)) ?? Self.unreachable(text ?? "it doesn't answer")
    }

    static func unreachable(_ why: String) -> OfficeError {
        OfficeError(
            .unavailable, "CUPS", "cupsd can't be reached (\(Sanitizer.text(why, most: 127) ?? "no answer"))",
            mend: "See 'systemctl status cups'.")
    }

    /// The name cupsd compares with the socket's credentials.
    private static let processUser: String? = {
        var record = passwd()
        var found: UnsafeMutablePointer<passwd>?
        var buffer = [CChar](repeating: 0, count: 16_384)
        guard getpwuid_r(geteuid(), &record, &buffer, buffer.count, &found) == 0, let name = found?.pointee.pw_name
        else { return nil }
        return String(cString: name)
    }()
}
