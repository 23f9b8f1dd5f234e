import NIOCore

/// Connections whose caller has proved nothing yet, by where they come from.
///
/// When there is no room for one more, the oldest of the source that has the most makes room: who floods puts
/// itself out, and a member's handshake, which takes milliseconds, gets its turn.
struct PendingConnections {
    /// A host, as far as an address tells it: IPv4 whole; of IPv6 the network, for a host has as many addresses
    /// there as it likes, but of link-local ones the whole.
    struct Source: Hashable, Sendable {
        private let bytes: [UInt8]

        init(_ address: SocketAddress?) {
            guard let address else {
                bytes = []
                return
            }
            let whole = address.withSockAddr { Array(UnsafeRawBufferPointer(start: $0, count: $1)) }
            switch address {
            // Behind family and port (and, of IPv6, the flow): ip(7), ipv6(7).
            case .v4: bytes = Array(whole.dropFirst(4).prefix(4))
            case .v6: bytes = Self.host(Array(whole.dropFirst(8).prefix(16)))
            default: bytes = []
            }
        }

        private static func host(_ six: [UInt8]) -> [UInt8] {
            guard six.count == 16 else { return six }
            let isMapped = six.prefix(10).allSatisfy { $0 == 0 } && six[10] == 0xFF && six[11] == 0xFF
            let isLinkLocal = six[0] == 0xFE && six[1] & 0xC0 == 0x80
            return isMapped ? Array(six.suffix(4)) : isLinkLocal ? six : Array(six.prefix(8))
        }
    }

    private var sources: [Source: [(id: ObjectIdentifier, channel: any Channel, age: UInt64)]] = [:]
    private var arrivals: UInt64 = 0
    private(set) var count = 0

    mutating func add(_ channel: any Channel, from source: Source) {
        arrivals += 1
        sources[source, default: []].append((ObjectIdentifier(channel), channel, arrivals))
        count += 1
    }

    /// Forgets one; nothing if it is forgotten already.
    mutating func remove(_ channel: ObjectIdentifier, from source: Source) {
        guard let place = sources[source]?.firstIndex(where: { $0.id == channel }) else { return }
        sources[source]?.remove(at: place)
        if sources[source]?.isEmpty == true { sources[source] = nil }
        count -= 1
    }

    /// Takes out the one that has to go for another from `newcomer`.
    mutating func evict(for newcomer: Source) -> (any Channel)? {
        func weight(_ source: Source) -> Int { (sources[source]?.count ?? 0) + (source == newcomer ? 1 : 0) }
        let victim = sources.max { a, b in
            let (ofA, ofB) = (weight(a.key), weight(b.key))
            return ofA == ofB ? a.value[0].age > b.value[0].age : ofA < ofB
        }
        guard let (source, channels) = victim else { return nil }
        remove(channels[0].id, from: source)
        return channels[0].channel
    }
}
