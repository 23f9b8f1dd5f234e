import CLinux
import Glibc

/// Reads rtnetlink's messages (netlink(7), rtnetlink(7)) out of what one `recv` gave.
///
/// The kernel wrote them, and yet every length is checked: what doesn't fit ends the reading.
struct RouteMessages: Sequence, IteratorProtocol {
    struct Message {
        var type: UInt16
        var sequence: UInt32
        /// Behind the netlink header.
        var body: ArraySlice<UInt8>
    }

    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() -> Message? {
        guard rest.count >= Self.headerLength, let length = rest.word(at: 0).map(Int.init),
            length >= Self.headerLength, length <= rest.count,
            let type = rest.halfWord(at: 4), let sequence = rest.word(at: 8)
        else { return nil }
        let body = rest.dropFirst(Self.headerLength).prefix(length - Self.headerLength)
        rest = rest.dropFirst(Self.aligned(length))
        return Message(type: type, sequence: sequence, body: body)
    }

    static let headerLength = 16
    static func aligned(_ length: Int) -> Int { (length + 3) & ~3 }

    /// The attributes behind a message's fixed part: type and value. The flags in the type's top bits are left out.
    static func attributes(of body: ArraySlice<UInt8>, after fixed: Int) -> [UInt16: ArraySlice<UInt8>] {
        var attributes: [UInt16: ArraySlice<UInt8>] = [:]
        var rest = body.dropFirst(aligned(fixed))
        while let length = rest.halfWord(at: 0).map(Int.init), let type = rest.halfWord(at: 2),
            length >= 4, length <= rest.count
        {
            attributes[type & 0x3FFF] = rest.dropFirst(4).prefix(length - 4)
            rest = rest.dropFirst(aligned(length))
        }
        return attributes
    }
}

extension Link {
    /// A RTM_NEWLINK message's body: `struct ifinfomsg` and attributes.
    init?(message body: ArraySlice<UInt8>) {
        guard let hardwareType = body.halfWord(at: 2), let index = body.word(at: 4), let flags = body.word(at: 8)
        else { return nil }
        let attributes = RouteMessages.attributes(of: body, after: 16)
        guard let name = attributes[UInt16(IFLA_IFNAME)]?.text, !name.isEmpty else { return nil }
        let info = attributes[UInt16(IFLA_LINKINFO)].map { RouteMessages.attributes(of: $0, after: 0) }
        self.init(
            index: index, name: name, flags: Flags(rawValue: flags), hardwareType: hardwareType,
            kind: info?[UInt16(IFLA_INFO_KIND)]?.text,
            controller: attributes[UInt16(IFLA_MASTER)]?.word(at: 0))
    }
}

/// An address of this machine (RTM_NEWADDR).
struct InterfaceAddress: Sendable, Hashable {
    var interfaceIndex: UInt32
    var address: IPAddress

    /// A RTM_NEWADDR message's body: `struct ifaddrmsg` and attributes. nil where duplicate address detection found
    /// that another has it. One still being probed counts: Avahi announces it already.
    init?(message body: ArraySlice<UInt8>) {
        guard let flags = body.byte(at: 2), let index = body.word(at: 4) else { return nil }
        let attributes = RouteMessages.attributes(of: body, after: 8)
        let allFlags = attributes[UInt16(IFA_FLAGS)]?.word(at: 0) ?? UInt32(flags)
        guard allFlags & UInt32(IFA_F_DADFAILED) == 0 else { return nil }
        // On a point-to-point link IFA_ADDRESS is the other end.
        let value = attributes[UInt16(IFA_LOCAL)] ?? attributes[UInt16(IFA_ADDRESS)]
        guard let value, let address = IPAddress(bytes: Array(value)) else { return nil }
        self.init(interfaceIndex: index, address: address)
    }

    init(interfaceIndex: UInt32, address: IPAddress) {
        self.interfaceIndex = interfaceIndex
        self.address = address
    }
}

extension ArraySlice<UInt8> {
    fileprivate func byte(at offset: Int) -> UInt8? {
        offset < count ? self[startIndex + offset] : nil
    }

    /// In the machine's own byte order, as netlink has it.
    fileprivate func halfWord(at offset: Int) -> UInt16? {
        guard offset + 2 <= count else { return nil }
        return dropFirst(offset).withUnsafeBytes { $0.loadUnaligned(as: UInt16.self) }
    }

    fileprivate func word(at offset: Int) -> UInt32? {
        guard offset + 4 <= count else { return nil }
        return dropFirst(offset).withUnsafeBytes { $0.loadUnaligned(as: UInt32.self) }
    }

    /// Up to the NUL.
    fileprivate var text: String { String(decoding: prefix { $0 != 0 }, as: UTF8.self) }
}
