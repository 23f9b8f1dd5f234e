import FoundationEssentials
package import OfficeCore
package import OfficeTrust

/// What is known of a space beside its files: a plain file of the store, so that another node can serve it.
package struct SpaceRecord: Codable, Sendable, Equatable {
    package var name: Label
    package var access: AccessList
    /// Bytes of the files in it; nil: no bound. What is kept of old versions doesn't count.
    package var quota: Int64?
    /// Where its files are, from the store's folder on.
    package var folder: RelativePath
    /// No version has this number yet, or a higher one.
    package var nextNumber: Int64
    /// Whether files that lay loose in the folder that became a store are here; nil: no.
    package var holdsLoose: Bool?
    /// The share that it was; nil: none.
    package var from: Source?
    /// Whether that share is still being copied; nil: no.
    package var isMoving: Bool?

    /// A share of a node.
    package struct Source: Codable, Sendable, Hashable {
        package var owner: NodeID
        package var share: Label

        package init(owner: NodeID, share: Label) {
            self.owner = owner
            self.share = share
        }
    }

    package init(name: Label, access: AccessList, quota: Int64?, folder: RelativePath) {
        self.name = name
        self.access = access
        self.quota = quota
        self.folder = folder
        nextNumber = 1
    }
}

/// How much is in a space: what is shown, and no promise.
package struct SpaceFigures: Codable, Sendable, Equatable {
    package var files: Int
    package var bytes: Int64
    package var versionsBytes: Int64
}

/// JSON of the store's own, for people to read, too.
enum StoreJSON {
    static func encode(_ value: some Encodable, _ what: String) throws(OfficeError) -> [UInt8] {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
        do {
            return Array(try encoder.encode(value)) + [0x0A]
        } catch {
            throw OfficeError(.fault, what, "it can't be written")
        }
    }

    static func decode<Value: Decodable>(
        _ type: Value.Type, _ bytes: [UInt8], _ what: String
    ) throws(OfficeError) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(bytes))
        } catch {
            throw OfficeError(
                .io, what, "it is damaged", mend: "Bring it back from a backup, or take it away to start over.")
        }
    }
}
