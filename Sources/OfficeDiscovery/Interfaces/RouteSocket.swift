import CLinux
import Glibc
import OfficeCore

/// A netlink socket to the kernel's routing tables, which also has the links and addresses (rtnetlink(7)).
///
/// Of the network namespace of the thread that makes it, unlike /sys, which shows the one it was mounted in.
struct RouteSocket: ~Copyable {
    private let descriptor: Int32

    /// With `listening`, changes of links and addresses are told; without it, the socket is for questions.
    init(listening: Bool) throws(OfficeError) {
        descriptor = socket(AF_NETLINK, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), NETLINK_ROUTE)
        guard descriptor >= 0 else { throw Self.error() }
        var address = sockaddr_nl()
        address.nl_family = sa_family_t(AF_NETLINK)
        address.nl_groups = listening ? UInt32(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR) : 0
        let status = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<sockaddr_nl>.size))
            }
        }
        guard status == 0 else {
            let error = Self.error()
            close(descriptor)
            throw error
        }
    }

    deinit { close(descriptor) }

    /// Another descriptor of the same socket, which the caller closes.
    func duplicate() throws(OfficeError) -> Int32 {
        let copy = fcntl(descriptor, F_DUPFD_CLOEXEC, 0)
        guard copy >= 0 else { throw Self.error() }
        return copy
    }

    /// All links and addresses. Answered by the kernel at once.
    func snapshot() throws(OfficeError) -> (links: [Link], addresses: [InterfaceAddress]) {
        let links = try dump(UInt16(RTM_GETLINK), sequence: 1).compactMap { message in
            message.type == UInt16(RTM_NEWLINK) ? Link(message: message.body) : nil
        }
        let addresses = try dump(UInt16(RTM_GETADDR), sequence: 2).compactMap { message in
            message.type == UInt16(RTM_NEWADDR) ? InterfaceAddress(message: message.body) : nil
        }
        return (links, addresses)
    }

    private func dump(_ type: UInt16, sequence: UInt32) throws(OfficeError) -> [RouteMessages.Message] {
        // struct nlmsghdr and the zeroes of a struct ifinfomsg, which begins like every family's.
        let length = RouteMessages.headerLength + 16
        let flags = UInt16(NLM_F_REQUEST | NLM_F_ROOT | NLM_F_MATCH)
        var request = [UInt8](repeating: 0, count: length)
        request.withUnsafeMutableBytes {
            $0.storeBytes(of: UInt32(length), toByteOffset: 0, as: UInt32.self)
            $0.storeBytes(of: type, toByteOffset: 4, as: UInt16.self)
            $0.storeBytes(of: flags, toByteOffset: 6, as: UInt16.self)
            $0.storeBytes(of: sequence, toByteOffset: 8, as: UInt32.self)
        }
        guard send(descriptor, request, length, 0) == length else { throw Self.error() }
        var messages: [RouteMessages.Message] = []
        while true {
            for message in RouteMessages(try receive()[...]) where message.sequence == sequence {
                switch Int32(message.type) {
                case NLMSG_DONE: return messages
                case NLMSG_ERROR: throw OfficeError(.io, "network interfaces", "the kernel doesn't list them")
                default: messages.append(message)
                }
            }
        }
    }

    /// One datagram, whole.
    private func receive() throws(OfficeError) -> [UInt8] {
        // The kernel fills at most 32 KiB (netlink(7)).
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var count = recv(descriptor, &buffer, buffer.count, 0)
        while count < 0 && errno == EINTR { count = recv(descriptor, &buffer, buffer.count, 0) }
        guard count > 0 else { throw Self.error() }
        return Array(buffer.prefix(count))
    }

    /// Reads away what changed: only that something did is of interest.
    static func drain(_ descriptor: Int32) {
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        // An overflow (ENOBUFS) is a change as well, and the next call goes on.
        while recv(descriptor, &buffer, buffer.count, Int32(MSG_DONTWAIT)) > 0 || errno == ENOBUFS {}
    }

    private static func error() -> OfficeError {
        let reason = errno
        return OfficeError(
            .io, "network interfaces", "the kernel's list can't be read: \(String(cString: strerror(reason)))",
            mend: reason == EAFNOSUPPORT ? "Let the service use AF_NETLINK sockets." : nil)
    }
}
