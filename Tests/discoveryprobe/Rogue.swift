import ArgumentParser
import Foundation

/// A stranger who announces rubbish: multicast DNS packets of its own making, as no honest library would send.
struct Rogue: AsyncParsableCommand {
    enum Kind: String, ExpressibleByArgument, CaseIterable {
        /// Nodes that look right, many of them.
        case flood
        /// TXT records that are wrong in every way.
        case garbage
        /// Names with escapes, control characters, slashes; over-long ones.
        case names
        /// A node whose addresses are nobody's: loopback, multicast, none.
        case addresses
    }

    @Argument(help: "What to announce.") var kind: Kind
    @Option(help: "How many, of a flood.") var count = 500
    @Flag(help: "Take it back instead.") var goodbye = false
    @Option(help: "The address to announce.") var address = "198.51.100.66"

    func run() async throws {
        let announcements = try instances()
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue), 0)
        var yes: Int32 = 1
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
        setsockopt(descriptor, SOL_SOCKET, SO_REUSEPORT, &yes, 4)
        var timeToLive: UInt8 = 255
        setsockopt(descriptor, Int32(IPPROTO_IP), IP_MULTICAST_TTL, &timeToLive, 1)
        // RFC 6762, section 11: responses come from port 5353.
        guard withAddress("0.0.0.0", { bind(descriptor, $0, $1) }) == 0 else { throw ExitCode(74) }
        for announcement in announcements {
            let packet = announcement.packet(secondsToLive: goodbye ? 0 : 120)
            let sent = withAddress("224.0.0.251") { sendto(descriptor, packet, packet.count, 0, $0, $1) }
            guard sent == packet.count else { throw ExitCode(74) }
            // Slow enough for a socket's buffer.
            usleep(500)
        }
        close(descriptor)
        print("announced \(announcements.count)")
    }

    private func instances() throws -> [Announcement] {
        let good = Announcement.text(["v=1", "id=00000000deadbeef", "office=", "role=peer"])
        let base = Announcement(name: Array("rogue".utf8), text: good, address: octets(address))
        func named(_ name: [UInt8]) -> Announcement { base.with { $0.name = name } }
        switch kind {
        case .flood:
            return (0..<count).map { number in
                let id = String(format: "%016x", 0xBAD0_0000 + number)
                return base.with {
                    $0.name = Array("flood-\(number)".utf8)
                    $0.text = Announcement.text(["v=1", "id=\(id)", "office=", "role=peer"])
                }
            }
        case .garbage:
            let texts: [[UInt8]] = [
                [], [0], [0xFF], [5] + Array("v=1".utf8), Array(repeating: 0xFF, count: 300),
                Announcement.text(["v=1"]), Announcement.text(["id=00000000deadbeef"]),
                Announcement.text(["v=2", "id=00000000deadbeef"]), Announcement.text(["v=1", "id=00000000DEADBEEF"]),
                Announcement.text(["v=1", "id=deadbeef"]), Announcement.text(["v=1", "id=00000000deadbeef0"]),
                Announcement.text(["v=1", "id=00000000deadbee\u{1B}"]),
                Announcement.text(["v=1", "id=00000000deadbeef", "office=x"]),
                Announcement.text(
                    ["v=1", "id=00000000deadbeef"] + (0..<40).map { "pad\($0)=" + String(repeating: "x", count: 40) }),
            ]
            return texts.enumerated().map { number, text in
                base.with {
                    $0.name = Array("garbage-\(number)".utf8)
                    $0.text = text
                }
            }
        case .names:
            let names: [[UInt8]] = [
                Array("esc\u{1B}[2Jape".utf8), Array("new\nline".utf8), Array("../../etc".utf8), Array("a/b".utf8),
                Array(repeating: UInt8(ascii: "x"), count: 63), [0xFF, 0xFE, 0x80], Array(" space ".utf8),
                Array("\u{202E}drawkcab".utf8), Array("-rf".utf8), [0x61, 0x00, 0x62],
            ]
            return names.map(named)
        case .addresses:
            return ["127.0.0.1", "0.0.0.0", "224.0.0.251", "255.255.255.255"].enumerated().map { number, address in
                base.with {
                    $0.name = Array("nowhere-\(number)".utf8)
                    $0.address = octets(address)
                }
            }
        }
    }

    private func octets(_ address: String) -> [UInt8] { address.split(separator: ".").compactMap { UInt8($0) } }

    private func withAddress<R>(_ address: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var storage = sockaddr_in()
        storage.sin_family = sa_family_t(AF_INET)
        storage.sin_port = UInt16(5353).bigEndian
        inet_pton(AF_INET, address, &storage.sin_addr)
        return withUnsafePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
    }
}

/// One instance with all its records, as an unasked-for response (RFC 1035, section 4; RFC 6762, section 8.3).
private struct Announcement {
    var name: [UInt8]
    var text: [UInt8]
    var address: [UInt8]

    func with(_ change: (inout Announcement) -> Void) -> Announcement {
        var copy = self
        change(&copy)
        return copy
    }

    static func text(_ strings: [String]) -> [UInt8] {
        strings.flatMap { [UInt8(truncatingIfNeeded: $0.utf8.count)] + Array($0.utf8) }
    }

    func packet(secondsToLive: UInt8) -> [UInt8] {
        let service = Self.labels(["_officeshare", "_tcp", "local"])
        let instance = [UInt8(name.count)] + name + service
        // A host name a name: hexadecimal, so that it is one whatever the name is.
        let host = Self.labels(["h" + name.prefix(20).map { String($0, radix: 16) }.joined(), "local"])
        let header: [UInt8] = [0, 0, 0x84, 0, 0, 0, 0, 4, 0, 0, 0, 0]
        return header
            + Self.record(service, type: 12, secondsToLive, unique: false, instance)
            + Self.record(instance, type: 33, secondsToLive, unique: true, [0, 0, 0, 0, 0x22, 0x2B] + host)
            + Self.record(instance, type: 16, secondsToLive, unique: true, text)
            + Self.record(host, type: 1, secondsToLive, unique: true, address)
    }

    private static func labels(_ labels: [String]) -> [UInt8] {
        labels.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) } + [0]
    }

    private static func record(
        _ name: [UInt8], type: UInt8, _ secondsToLive: UInt8, unique: Bool, _ data: [UInt8]
    ) -> [UInt8] {
        let fixed: [UInt8] = [0, type, unique ? 0x80 : 0, 1, 0, 0, 0, secondsToLive]
        return name + fixed + [UInt8(data.count >> 8), UInt8(data.count & 0xFF)] + data
    }
}
