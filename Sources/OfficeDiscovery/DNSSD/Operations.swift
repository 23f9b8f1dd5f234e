import CDNSSD
import Dispatch
import OfficeCore

/// Where an operation's callbacks are to be processed, and who is to be told that there are some.
struct Wakeup {
    let queue: DispatchQueue
    let call: @Sendable () -> Void
}

/// The four operations of dns_sd that Avahi has, each for one interface. (Of the others, most are stubs.)
extension Reference {
    static let serviceType = "_officeshare._tcp"
    static let domain = "local"

    enum AddressFamily: CaseIterable {
        case ipv4
        case ipv6

        fileprivate var recordType: UInt16 {
            switch self {
            case .ipv4: UInt16(kDNSServiceType_A)
            case .ipv6: UInt16(kDNSServiceType_AAAA)
            }
        }
    }

    static func browse(interface: UInt32, _ wakeup: Wakeup) throws(OfficeError) -> Reference {
        try Reference(on: wakeup.queue, wake: wakeup.call) { handle, context in
            DNSServiceBrowse(handle, 0, interface, serviceType, domain, browseReply, context)
        }
    }

    static func register(
        name: Label, port: UInt16, text: [UInt8], interface: UInt32, _ wakeup: Wakeup
    ) throws(OfficeError) -> Reference {
        try Reference(on: wakeup.queue, wake: wakeup.call) { handle, context in
            DNSServiceRegister(
                handle, 0, interface, name.description, serviceType, domain, nil, port.bigEndian,
                UInt16(text.count), text, registerReply, context)
        }
    }

    /// Changes a registration's TXT record in its place: nothing is withdrawn in between. Whether it could be done.
    func update(text: [UInt8]) -> Bool {
        DNSServiceUpdateRecord(handle, nil, 0, UInt16(text.count), text, 0)
            == DNSServiceErrorType(kDNSServiceErr_NoError)
    }

    static func resolve(_ key: Sighting.Key, _ wakeup: Wakeup) throws(OfficeError) -> Reference {
        let name = key.instance.map { CChar(bitPattern: $0) } + [0]
        return try Reference(on: wakeup.queue, wake: wakeup.call) { handle, context in
            DNSServiceResolve(handle, 0, key.interfaceIndex, name, serviceType, domain, resolveReply, context)
        }
    }

    static func query(
        host: [CChar], _ family: AddressFamily, interface: UInt32, _ wakeup: Wakeup
    ) throws(OfficeError) -> Reference {
        try Reference(on: wakeup.queue, wake: wakeup.call) { handle, context in
            DNSServiceQueryRecord(
                handle, 0, interface, host, family.recordType, UInt16(kDNSServiceClass_IN), addressReply, context)
        }
    }
}
