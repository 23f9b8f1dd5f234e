import CDNSSD
import OfficeCore

/// What a callback of dns_sd said, copied: nothing in it points into avahi's memory.
enum Reply: Sendable, Equatable {
    /// An instance appeared, or went. Avahi says so once for each of IPv4 and IPv6, in the same words.
    case instance(name: [UInt8], interfaceIndex: UInt32, isThere: Bool)
    /// Our announcement stands, under this name.
    case registered(name: [UInt8])
    /// Where the service is. The host's name is as it has to be asked for.
    case located(host: [CChar], port: UInt16, text: [UInt8])
    /// An address record (4 or 16 bytes) appeared, or went.
    case address([UInt8], isThere: Bool)
    case failed(OfficeError)
}

// The callbacks: C functions, called within `Reference.process()` on its queue. They copy and hand over.

private func put(_ reply: Reply, into context: UnsafeMutableRawPointer?) {
    guard let context else { return }
    Unmanaged<Reference.Inbox>.fromOpaque(context).takeUnretainedValue().replies.append(reply)
}

/// A C string's bytes, at most as many as anything in DNS has.
private func bytes(of string: UnsafePointer<CChar>) -> [UInt8] {
    var bytes: [UInt8] = []
    while bytes.count < Int(kDNSServiceMaxDomainName), string[bytes.count] != 0 {
        bytes.append(UInt8(bitPattern: string[bytes.count]))
    }
    return bytes
}

let browseReply: DNSServiceBrowseReply = { _, flags, interface, status, name, _, _, context in
    guard status == DNSServiceErrorType(kDNSServiceErr_NoError), let name else {
        return put(.failed(Reference.error(status)), into: context)
    }
    let isThere = flags & DNSServiceFlags(kDNSServiceFlagsAdd) != 0
    put(.instance(name: bytes(of: name), interfaceIndex: interface, isThere: isThere), into: context)
}

let registerReply: DNSServiceRegisterReply = { _, _, status, name, _, _, context in
    guard status == DNSServiceErrorType(kDNSServiceErr_NoError), let name else {
        return put(.failed(Reference.error(status)), into: context)
    }
    put(.registered(name: bytes(of: name)), into: context)
}

let resolveReply: DNSServiceResolveReply = { _, _, _, status, _, host, port, length, text, context in
    guard status == DNSServiceErrorType(kDNSServiceErr_NoError), let host else {
        return put(.failed(Reference.error(status)), into: context)
    }
    let text = UnsafeBufferPointer(start: text, count: text == nil ? 0 : Int(length))
    let name = bytes(of: host).map { CChar(bitPattern: $0) } + [0]
    put(.located(host: name, port: UInt16(bigEndian: port), text: Array(text)), into: context)
}

let addressReply: DNSServiceQueryRecordReply = { _, flags, _, status, _, _, _, length, data, _, context in
    guard status == DNSServiceErrorType(kDNSServiceErr_NoError), let data else {
        return put(.failed(Reference.error(status)), into: context)
    }
    let isThere = flags & DNSServiceFlags(kDNSServiceFlagsAdd) != 0
    put(.address(Array(UnsafeRawBufferPointer(start: data, count: Int(length))), isThere: isThere), into: context)
}
