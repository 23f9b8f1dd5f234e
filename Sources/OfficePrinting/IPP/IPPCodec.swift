import CCUPS
package import OfficeCore

/// Parses and writes IPP with libcups's own codec, over bytes in memory.
///
/// Thread-safe: a codec's `ipp_t` lives and dies within one call. What is past a limit is refused before anything
/// is made of it.
package enum IPPCodec {
    /// What a message from the network may have.
    package struct Limits: Sendable {
        /// Bytes of a message without its document.
        package var bytes: Int
        package var attributes: Int
        /// Values of all attributes together, those in collections included.
        package var values: Int
        /// Collections within collections.
        package var depth: Int

        package init(bytes: Int = 256 << 10, attributes: Int = 1_024, values: Int = 16_384, depth: Int = 8) {
            self.bytes = bytes
            self.attributes = attributes
            self.values = values
            self.depth = depth
        }
    }

    package struct Decoded: Sendable {
        package var message: IPPMessage
        /// Bytes of the message: a document begins there.
        package var length: Int
    }

    /// The message at the beginning of `bytes`; nil where more bytes are wanted. Throws `.malformed` for what is no
    /// IPP, `.limit` for what is past a limit.
    package static func decode(_ bytes: [UInt8], limits: Limits = Limits()) throws(OfficeError) -> Decoded? {
        let source = Source(bytes: bytes)
        guard let ipp = ippNew() else { throw outOfMemory }
        defer { ippDelete(ipp) }
        let state = ippReadIO(
            Unmanaged.passUnretained(source).toOpaque(),
            { context, buffer, count in
                guard let context, let buffer else { return -1 }
                return Unmanaged<Source>.fromOpaque(context).takeUnretainedValue().read(into: buffer, count)
            }, 1, nil, ipp)
        guard state == IPP_STATE_DATA else {
            if source.ranDry, bytes.count < limits.bytes { return nil }
            if source.ranDry { throw past("\(limits.bytes) bytes") }
            throw OfficeError(.malformed, "IPP message", "it can't be read")
        }
        guard source.position <= limits.bytes else { throw past("\(limits.bytes) bytes") }
        return Decoded(message: try message(of: ipp, limits: limits), length: source.position)
    }

    /// The values of an `ipp_t`, which stays the caller's. Throws `.limit` for what is past a limit.
    static func message(of ipp: OpaquePointer, limits: Limits) throws(OfficeError) -> IPPMessage {
        var reader = Reader(limits: limits)
        return try reader.message(ipp)
    }

    /// An `ipp_t` that holds the message; the caller deletes it. Throws `.fault` for one that can't be expressed.
    static func handle(of message: IPPMessage) throws(OfficeError) -> OpaquePointer {
        guard let ipp = ippNew() else { throw outOfMemory }
        do throws(OfficeError) {
            try Writer.fill(ipp, with: message)
        } catch {
            ippDelete(ipp)
            throw error
        }
        return ipp
    }

    /// The bytes of a message. Throws `.fault` for one that can't be expressed.
    package static func encode(_ message: IPPMessage) throws(OfficeError) -> [UInt8] {
        let ipp = try handle(of: message)
        defer { ippDelete(ipp) }
        let sink = Sink()
        ippSetState(ipp, IPP_STATE_IDLE)
        let state = ippWriteIO(
            Unmanaged.passUnretained(sink).toOpaque(),
            { context, buffer, count in
                guard let context, let buffer else { return -1 }
                Unmanaged<Sink>.fromOpaque(context).takeUnretainedValue().bytes
                    .append(contentsOf: UnsafeBufferPointer(start: buffer, count: count))
                return count
            }, 1, nil, ipp)
        guard state == IPP_STATE_DATA else { throw OfficeError(.fault, "IPP message", "it can't be written") }
        return sink.bytes
    }

    fileprivate static func past(_ limit: String) -> OfficeError {
        OfficeError(.limit, "IPP message", "it is larger than \(limit)")
    }

    private static var outOfMemory: OfficeError { OfficeError(.io, "IPP message", "there is no memory for it") }

    /// Bytes that libcups reads; used within one call of `decode` alone.
    private final class Source {
        let bytes: [UInt8]
        var position = 0
        var ranDry = false

        init(bytes: [UInt8]) { self.bytes = bytes }

        func read(into buffer: UnsafeMutablePointer<ipp_uchar_t>, _ count: Int) -> Int {
            guard bytes.count - position >= count else {
                ranDry = true
                return -1
            }
            for offset in 0..<count { buffer[offset] = bytes[position + offset] }
            position += count
            return count
        }
    }

    /// Bytes that libcups writes; used within one call of `encode` alone.
    private final class Sink {
        var bytes: [UInt8] = []
    }
}

/// Makes values of an `ipp_t`.
private struct Reader {
    let limits: IPPCodec.Limits
    var attributes = 0
    var values = 0

    init(limits: IPPCodec.Limits) { self.limits = limits }

    mutating func message(_ ipp: OpaquePointer) throws(OfficeError) -> IPPMessage {
        var minor: Int32 = 0
        let major = ippGetVersion(ipp, &minor)
        var message = IPPMessage(
            version: .init(UInt8(truncatingIfNeeded: major), UInt8(truncatingIfNeeded: minor)),
            code: UInt16(truncatingIfNeeded: ippGetOperation(ipp).rawValue), requestID: ippGetRequestId(ipp))
        var current: IPPGroup?
        var next = ippFirstAttribute(ipp)
        while let attribute = next {
            defer { next = ippNextAttribute(ipp) }
            let tag = IPPGroup.Tag(rawValue: UInt8(truncatingIfNeeded: ippGetGroupTag(attribute).rawValue))
            guard let tag, let name = ippGetName(attribute) else {
                // A separator, or a group that isn't known.
                if let done = current { message.groups.append(done) }
                current = nil
                continue
            }
            if let done = current, done.tag != tag {
                message.groups.append(done)
                current = nil
            }
            var group = current ?? IPPGroup(tag)
            group.attributes.append(try self.attribute(String(cString: name), attribute, depth: 0))
            current = group
        }
        if let done = current { message.groups.append(done) }
        return message
    }

    private mutating func attribute(_ name: String, _ handle: OpaquePointer, depth: Int) throws(OfficeError)
        -> IPPAttribute
    {
        attributes += 1
        guard attributes <= limits.attributes else { throw IPPCodec.past("\(limits.attributes) attributes") }
        let tag = UInt8(truncatingIfNeeded: ippGetValueTag(handle).rawValue & 0x7F)
        let count = max(Int(ippGetCount(handle)), 0)
        values += count
        guard values <= limits.values else { throw IPPCodec.past("\(limits.values) values") }
        if let none = IPPValue.OutOfBand(rawValue: tag) { return IPPAttribute(name, .outOfBand(none)) }
        var result = IPPAttribute(name, [])
        result.values.reserveCapacity(count)
        for place in 0..<count { result.values.append(try value(tag, handle, Int32(place), depth)) }
        return result
    }

    private mutating func value(_ tag: UInt8, _ handle: OpaquePointer, _ place: Int32, _ depth: Int)
        throws(OfficeError) -> IPPValue
    {
        switch tag {
        case 0x21: return .integer(ippGetInteger(handle, place))
        case 0x22: return .boolean(ippGetBoolean(handle, place) != 0)
        case 0x23: return .enumeration(ippGetInteger(handle, place))
        case 0x30:
            var length: Int32 = 0
            guard let bytes = ippGetOctetString(handle, place, &length), length > 0 else { return .octets([]) }
            return .octets(Array(UnsafeRawBufferPointer(start: bytes, count: Int(length))))
        case 0x31:
            guard let bytes = ippGetDate(handle, place) else { return .dateTime([]) }
            return .dateTime(Array(UnsafeBufferPointer(start: bytes, count: 11)))
        case 0x32:
            var (across, units) = (Int32(0), ipp_res_t(rawValue: 0))
            let along = withUnsafeMutablePointer(to: &across) { across in
                withUnsafeMutablePointer(to: &units) { ippGetResolution(handle, place, across, $0) }
            }
            return .resolution(along, across, units.rawValue == 4 ? .perCentimeter : .perInch)
        case 0x33:
            var upper: Int32 = 0
            let lower = ippGetRange(handle, place, &upper)
            return .range(lower, upper)
        case 0x34: return .collection(try members(of: ippGetCollection(handle, place), depth + 1))
        case 0x35, 0x36: return text(tag == 0x35 ? .text : .name, handle, place, withLanguage: true)
        default:
            guard let syntax = IPPValue.TextSyntax(rawValue: tag) else { return .other(tag) }
            return text(syntax, handle, place, withLanguage: false)
        }
    }

    private func text(_ syntax: IPPValue.TextSyntax, _ handle: OpaquePointer, _ place: Int32, withLanguage: Bool)
        -> IPPValue
    {
        var language: UnsafePointer<CChar>?
        let found = withLanguage ? ippGetString(handle, place, &language) : ippGetString(handle, place, nil)
        guard let text = found else { return .string(syntax, "") }
        return .string(syntax, String(cString: text), language: language.map { String(cString: $0) })
    }

    private mutating func members(of collection: OpaquePointer?, _ depth: Int) throws(OfficeError) -> [IPPAttribute] {
        guard depth <= limits.depth else { throw IPPCodec.past("\(limits.depth) collections in one another") }
        var result: [IPPAttribute] = []
        var next = collection.flatMap { ippFirstAttribute($0) }
        while let attribute = next {
            defer { next = ippNextAttribute(collection) }
            guard let name = ippGetName(attribute) else { continue }
            result.append(try self.attribute(String(cString: name), attribute, depth: depth))
        }
        return result
    }
}

/// Makes an `ipp_t` of values.
private enum Writer {
    static func fill(_ ipp: OpaquePointer, with message: IPPMessage) throws(OfficeError) {
        ippSetVersion(ipp, Int32(message.version.major), Int32(message.version.minor))
        ippSetOperation(ipp, ipp_op_t(rawValue: ipp_op_t.RawValue(message.code)))
        ippSetRequestId(ipp, message.requestID)
        for (place, group) in message.groups.enumerated() {
            if place > 0 { ippAddSeparator(ipp) }
            for attribute in group.attributes {
                try add(attribute, to: ipp, ipp_tag_t(rawValue: Int32(group.tag.rawValue)))
            }
        }
    }

    private static func add(_ attribute: IPPAttribute, to ipp: OpaquePointer, _ group: ipp_tag_t) throws(OfficeError) {
        guard let first = attribute.values.first else {
            throw OfficeError(.fault, attribute.name, "an attribute without a value can't be written")
        }
        var handle = start(attribute.name, first, ipp, group)
        guard handle != nil else { throw OfficeError(.fault, attribute.name, "the attribute can't be written") }
        if case .collection(let members) = first { try set(members, &handle, 0, ipp) }
        for (place, value) in attribute.values.enumerated().dropFirst() {
            try append(value, &handle, Int32(place), ipp)
        }
    }

    private static func start(_ name: String, _ value: IPPValue, _ ipp: OpaquePointer, _ group: ipp_tag_t)
        -> OpaquePointer?
    {
        switch value {
        case .integer(let number): ippAddInteger(ipp, group, IPP_TAG_INTEGER, name, number)
        case .enumeration(let number): ippAddInteger(ipp, group, IPP_TAG_ENUM, name, number)
        case .boolean(let flag): ippAddBoolean(ipp, group, name, flag ? 1 : 0)
        case .range(let lower, let upper): ippAddRange(ipp, group, name, lower, upper)
        case .resolution(let along, let across, let units):
            ippAddResolution(ipp, group, name, ipp_res_t(UInt32(units.rawValue)), along, across)
        case .string(let syntax, let text, let language):
            ippAddString(ipp, group, tag(of: syntax, hasLanguage: language != nil), name, language, text)
        case .dateTime(let bytes): ippAddDate(ipp, group, name, bytes.count == 11 ? bytes : zeroDate)
        case .octets(let bytes): ippAddOctetString(ipp, group, name, bytes, Int32(bytes.count))
        case .collection: ippAddCollections(ipp, group, name, 1, nil)
        case .outOfBand(let none): ippAddOutOfBand(ipp, group, ipp_tag_t(rawValue: Int32(none.rawValue)), name)
        case .other: ippAddOutOfBand(ipp, group, IPP_TAG_UNKNOWN, name)
        }
    }

    private static let zeroDate = [UInt8](repeating: 0, count: 11)

    private static func tag(of syntax: IPPValue.TextSyntax, hasLanguage: Bool) -> ipp_tag_t {
        switch (syntax, hasLanguage) {
        case (.text, true): IPP_TAG_TEXTLANG
        case (.name, true): IPP_TAG_NAMELANG
        default: ipp_tag_t(rawValue: Int32(syntax.rawValue))
        }
    }

    private static func append(
        _ value: IPPValue, _ handle: inout OpaquePointer?, _ place: Int32, _ ipp: OpaquePointer
    ) throws(OfficeError) {
        let done: Int32 =
            switch value {
            case .integer(let number), .enumeration(let number): ippSetInteger(ipp, &handle, place, number)
            case .boolean(let flag): ippSetBoolean(ipp, &handle, place, flag ? 1 : 0)
            case .range(let lower, let upper): ippSetRange(ipp, &handle, place, lower, upper)
            case .resolution(let along, let across, let units):
                ippSetResolution(ipp, &handle, place, ipp_res_t(UInt32(units.rawValue)), along, across)
            case .string(_, let text, _): ippSetString(ipp, &handle, place, text)
            case .dateTime(let bytes): ippSetDate(ipp, &handle, place, bytes.count == 11 ? bytes : zeroDate)
            case .octets(let bytes): ippSetOctetString(ipp, &handle, place, bytes, Int32(bytes.count))
            case .collection, .outOfBand, .other: 1
            }
        guard done != 0 else { throw OfficeError(.fault, "IPP attribute", "its values are of different kinds") }
        if case .collection(let members) = value { try set(members, &handle, place, ipp) }
    }

    private static func set(
        _ members: [IPPAttribute], _ handle: inout OpaquePointer?, _ place: Int32, _ ipp: OpaquePointer
    ) throws(OfficeError) {
        guard let collection = ippNew() else { return }
        // The attribute takes a reference of its own.
        defer { ippDelete(collection) }
        for member in members { try add(member, to: collection, IPP_TAG_ZERO) }
        guard ippSetCollection(ipp, &handle, place, collection) != 0 else {
            throw OfficeError(.fault, "IPP attribute", "a collection can't be written")
        }
    }
}
