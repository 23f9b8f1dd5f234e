import Foundation
import OfficeDiscovery

/// One line that the probe prints; the tests decode it as the same type.
package struct ProbeEvent: Codable, Sendable, Equatable, CustomStringConvertible {
    package struct Interface: Codable, Sendable, Equatable {
        package var name: String
        package var isUp: Bool
        package var isLAN: Bool
        package var addresses: [String]
    }

    package var event: String
    package var name: String?
    package var id: String?
    package var office: String?
    package var role: String?
    package var port: UInt16?
    package var addresses: [String]?
    package var interface: String?
    package var available: Bool?
    package var kilobytes: Int?
    package var interfaces: [Interface]?

    package var description: String {
        let details = [name, id, office, role, interface, available.map { "\($0)" }, addresses?.joined(separator: ",")]
        return ([event] + details.compactMap(\.self)).joined(separator: " ")
    }

    init(event: String) { self.event = event }

    init(_ event: DiscoveryEvent) {
        switch event {
        case .found(let sighting): self.init("found", sighting)
        case .duplicate(let sighting): self.init("duplicate", sighting)
        case .lost(let key):
            self.init(event: "lost")
            name = key.name
        case .availability(let isThere):
            self.init(event: "availability")
            available = isThere
        case .renamed(let chosen):
            self.init(event: "renamed")
            name = chosen
        }
    }

    private init(_ event: String, _ sighting: Sighting) {
        self.init(event: event)
        name = sighting.name
        id = sighting.idPrefix
        office = sighting.officePrefix
        role = sighting.role.rawValue
        port = sighting.port
        addresses = sighting.addresses
        interface = sighting.interfaceName
    }

    func write() {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        guard let data = try? encoder.encode(self) else { return }
        try? FileHandle.standardOutput.write(contentsOf: data + [0x0A])
    }
}
