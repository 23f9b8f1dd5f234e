import Glibc

/// An IPv4 or IPv6 address, as its bytes.
struct IPAddress: Hashable, Sendable {
    private let bytes: [UInt8]

    /// nil where there are neither 4 nor 16 bytes.
    init?(bytes: [UInt8]) {
        guard bytes.count == 4 || bytes.count == 16 else { return nil }
        self.bytes = bytes
    }

    var isIPv6: Bool { bytes.count == 16 }

    /// fe80::/10: means something only together with an interface.
    var isLinkLocal: Bool { isIPv6 && bytes[0] == 0xFE && bytes[1] & 0xC0 == 0x80 }

    /// Whether another machine could have it: not unspecified, loopback, multicast or broadcast, and no IPv4
    /// address in IPv6's clothes, by which a stranger would get those past this check.
    var isAnothersUnicast: Bool {
        if isIPv6 {
            return bytes[0] != 0xFF && !bytes.prefix(10).allSatisfy { $0 == 0 }
        }
        return bytes[0] != 0 && bytes[0] != 127 && bytes[0] < 224
    }

    /// Numeric; with the interface behind a link-local IPv6 address.
    func text(interface: String) -> String {
        var buffer = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        guard inet_ntop(isIPv6 ? AF_INET6 : AF_INET, bytes, &buffer, socklen_t(buffer.count)) != nil else { return "" }
        let text = String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return isLinkLocal ? text + "%" + interface : text
    }
}
