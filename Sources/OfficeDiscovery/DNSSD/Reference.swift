import CDNSSD
import Dispatch
import Glibc
import OfficeCore

/// One operation of dns_sd: the handle, the source that watches its socket, and the context of its callbacks.
///
/// Behind each handle, avahi-compat keeps a thread and a connection to D-Bus (25 kB; a millisecond to make, in
/// which it blocks). Confined to one queue: made, processed and let go there. Letting go of it ends the operation.
final class Reference {
    /// What callbacks copied, in the order they came.
    final class Inbox {
        var replies: [Reply] = []
    }

    /// Starts the operation: fills the handle and hands the context to its callback.
    typealias Start = (_ handle: UnsafeMutablePointer<DNSServiceRef?>, _ context: UnsafeMutableRawPointer) ->
        DNSServiceErrorType

    let handle: DNSServiceRef
    private let inbox: Unmanaged<Inbox>
    private let source: any DispatchSourceRead

    /// Once, before the library's first call, which looks whether it may tell the world, on standard error, to use
    /// another library.
    private static let prepareLibrary: Void = {
        _ = setenv("AVAHI_COMPAT_NOWARN", "1", 1)
        os_dnssd_prepare()
    }()

    /// `wake` is called on `queue` whenever `process()` has something to do. Blocks for the length of some
    /// D-Bus calls. Throws `unavailable` where there is no avahi-daemon, `exists` where the name is taken.
    init(on queue: DispatchQueue, wake: @escaping @Sendable () -> Void, start: Start) throws(OfficeError) {
        _ = Self.prepareLibrary
        let inbox = Unmanaged.passRetained(Inbox())
        var handle: DNSServiceRef?
        let status = start(&handle, inbox.toOpaque())
        guard status == DNSServiceErrorType(kDNSServiceErr_NoError), let handle else {
            inbox.release()
            throw Self.error(status)
        }
        // A descriptor of the source's own: it goes when the source lets go of it, the handle's when we say so.
        let descriptor = fcntl(DNSServiceRefSockFD(handle), F_DUPFD_CLOEXEC, 0)
        guard descriptor >= 0 else {
            DNSServiceRefDeallocate(handle)
            inbox.release()
            throw OfficeError(.limit, "mDNS", "no more files can be opened")
        }
        self.handle = handle
        self.inbox = inbox
        source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        source.setEventHandler(handler: wake)
        source.setCancelHandler { close(descriptor) }
        source.resume()
    }

    deinit {
        source.cancel()
        // Joins the handle's thread: no callback runs any more, and none did outside `process()`.
        DNSServiceRefDeallocate(handle)
        inbox.release()
    }

    /// Lets avahi-compat call back, and returns what it said. Ends with `.failed` where the connection is gone.
    func process() -> [Reply] {
        let inbox = inbox.takeUnretainedValue()
        // avahi-compat reads blocking: never without being sure that there is something to read.
        var poll = pollfd(fd: DNSServiceRefSockFD(handle), events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&poll, 1, 0) == 1 else { return [] }
        let status = DNSServiceProcessResult(handle)
        if status != DNSServiceErrorType(kDNSServiceErr_NoError) { inbox.replies.append(.failed(Self.error(status))) }
        defer { inbox.replies = [] }
        return inbox.replies
    }

    /// avahi-compat has one code for all that is wrong with the connection, and for a lookup's end in vain.
    static func error(_ status: DNSServiceErrorType) -> OfficeError {
        switch Int(status) {
        case Int(kDNSServiceErr_NameConflict):
            OfficeError(.exists, "mDNS", "the name is announced by another program of this machine")
        case Int(kDNSServiceErr_Unknown), Int(kDNSServiceErr_BadState):
            OfficeError(
                .unavailable, "mDNS", "avahi-daemon doesn't answer",
                mend: "Start it: 'systemctl start avahi-daemon'.")
        case Int(kDNSServiceErr_Refused):
            OfficeError(.limit, "mDNS", "avahi-daemon refuses more requests")
        default:
            OfficeError(.fault, "mDNS", "avahi-daemon answers with error \(status)")
        }
    }
}
