import FoundationEssentials
import OfficeCore

extension CanonicalJSON {
    static func base64(_ bytes: [UInt8]) -> CanonicalJSON { .text(Data(bytes).base64EncodedString()) }
}

/// The fields of one object of an entry, each taken once; what is left over is refused by `close`.
struct EntryFields {
    private var members: [CanonicalJSON.Member]

    init(_ value: CanonicalJSON) throws(OfficeError) {
        guard case .object(let members) = value else { throw Self.refusal("an object is missing") }
        self.members = members
    }

    static func refusal(_ why: String) -> OfficeError { OfficeError(.malformed, "an entry of the office log", why) }

    /// nil where there is no such field.
    mutating func take(_ key: String) -> CanonicalJSON? {
        guard let index = members.firstIndex(where: { $0.key.elementsEqual(key.utf8) }) else { return nil }
        return members.remove(at: index).value
    }

    mutating func require(_ key: String) throws(OfficeError) -> CanonicalJSON {
        guard let value = take(key) else { throw Self.refusal("'\(key)' is missing in it") }
        return value
    }

    /// Nothing may be left: a field that a version doesn't have needs a new version.
    func close() throws(OfficeError) {
        if let member = members.first {
            throw Self.refusal("'\(escapedForTerminal(member.key.prefix(32)))' doesn't belong in it")
        }
    }

    mutating func text(_ key: String) throws(OfficeError) -> String {
        guard case .string(let bytes) = try require(key) else { throw Self.refusal("'\(key)' is not a text") }
        return String(decoding: bytes, as: UTF8.self)
    }

    mutating func integer(_ key: String) throws(OfficeError) -> Int64 {
        guard case .integer(let number) = try require(key) else { throw Self.refusal("'\(key)' is not a number") }
        return number
    }

    mutating func label(_ key: String) throws(OfficeError) -> Label { try Label(try text(key)) }

    mutating func id<ID: DigestIdentifier>(_ key: String) throws(OfficeError) -> ID {
        try Self.id(try require(key), key)
    }

    /// Strictly ascending, so that a set has one form.
    mutating func ids<ID: DigestIdentifier>(_ key: String, limit: Int) throws(OfficeError) -> [ID] {
        guard case .array(let values) = try require(key) else { throw Self.refusal("'\(key)' is not a list") }
        guard values.count <= limit else {
            throw Self.refusal("'\(key)' has \(values.count) elements, at most \(limit) are possible")
        }
        var ids: [ID] = []
        for value in values {
            let id: ID = try Self.id(value, key)
            if let last = ids.last, last >= id { throw Self.refusal("'\(key)' is not in order") }
            ids.append(id)
        }
        return ids
    }

    private static func id<ID: DigestIdentifier>(_ value: CanonicalJSON, _ key: String) throws(OfficeError) -> ID {
        guard case .string(let bytes) = value, bytes.count == 2 * Digest256.byteCount,
            let id = try? ID(hex: String(decoding: bytes, as: UTF8.self)), bytes.elementsEqual(id.description.utf8)
        else { throw refusal("'\(key)' has something in it that is not 64 hexadecimal digits in lower case") }
        return id
    }

    mutating func bytes(_ key: String, limit: Int) throws(OfficeError) -> [UInt8] {
        let text = try text(key)
        guard text.utf8.count <= (limit + 2) / 3 * 4, let data = Data(base64Encoded: text),
            data.base64EncodedString() == text, data.count <= limit
        else { throw Self.refusal("'\(key)' is not base64 of at most \(limit) bytes") }
        return Array(data)
    }

    mutating func key(_ key: String) throws(OfficeError) -> NodeKey {
        try NodeKey(spki: try bytes(key, limit: NodeKey.byteCount))
    }

    mutating func admission() throws(OfficeError) -> Admission {
        Admission(key: try key("key"), name: try label("name"))
    }

    mutating func fileServer() throws(OfficeError) -> FileServerSetting {
        let setting = FileServerSetting(
            epoch: try integer("epoch"),
            nodes: try ids("nodes", limit: FileServerSetting.greatestNodes),
            standby: try ids("standby", limit: FileServerSetting.greatestNodes),
            store: try bytes("store", limit: FileServerSetting.longestStore))
        guard setting.epoch > 0 else { throw Self.refusal("an epoch is a number from 1") }
        return setting
    }
}
