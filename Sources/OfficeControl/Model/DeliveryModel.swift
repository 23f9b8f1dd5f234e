package import OfficeCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// One delivery of `officeshare sent` and `officeshare inbox`.
package struct DeliveryModel: Codable, Sendable, Equatable {
    package var id: String
    /// With U+FFFD for what is not UTF-8; then `nameBytes` has it exactly, in base64.
    package var name: String
    package var nameBytes: String?
    package var size: Int64
    /// Of one file; null of what is more than one, or not known yet.
    @OrNull package var root: String?
    /// `USER@NODE`; of what was wanted from a share, `NODE/SHARE/PATH`.
    package var from: String
    /// `NODE`, `NODE:USER`, or of a queued upload `NODE/SHARE/PATH`.
    package var to: String
    /// `queued`, `offered`, `moving`, `delivered`, `rejected`.
    package var state: String
    /// Why it waits, or was rejected.
    @OrNull package var reason: String?
    package var time: Timestamp
    /// Bytes that are there, while it moves.
    @OrNull package var bytes: Int64?
    /// The receiving node's signature, as hexadecimal digits.
    @OrNull package var receipt: String?
    /// When it was taken out of the inbox, and by whom.
    @OrNull package var taken: Timestamp?
    @OrNull package var takenBy: String?
    /// Where `inbox accept` has just put it, as the name.
    @OrNull package var path: String?
    package var pathBytes: String?

    package init(
        id: String, name: [UInt8], size: Int64, root: String?, from: String, to: String, state: String,
        reason: String?, time: Timestamp, bytes: Int64?, receipt: String?, taken: Timestamp?, takenBy: String?
    ) {
        let text = String(validating: name, as: UTF8.self)
        self.id = id
        self.name = text ?? String(decoding: name, as: UTF8.self)
        nameBytes = text == nil ? Data(name).base64EncodedString() : nil
        self.size = size
        self.root = root
        self.from = from
        self.to = to
        self.state = state
        self.reason = reason
        self.time = time
        self.bytes = bytes
        self.receipt = receipt
        self.taken = taken
        self.takenBy = takenBy
        path = nil
    }

    /// The name's exact bytes.
    package var nameAsBytes: [UInt8] {
        nameBytes.flatMap { Data(base64Encoded: $0) }.map(Array.init) ?? Array(name.utf8)
    }

    /// Whether nothing more happens to it by itself.
    package var isFinal: Bool { state == "delivered" || state == "rejected" }
}

/// `POST /v1/outbox`: what is about to be sent. Its content follows, by share exchanges with `/v1/outbox/CONTENT`.
package struct DeliveryRequest: Codable, Sendable {
    /// Into a share, by the rules of `put`.
    package struct Upload: Codable, Sendable {
        /// `NODE/SHARE/PATH`, percent-encoded.
        package var path: String
        package var recursive: Bool
        package var force: Bool
        /// What the files were made from, as it is noted on them (base64), by their names (percent-encoded).
        package var notes: [String: String]?
        package init(path: String, recursive: Bool, force: Bool, notes: [String: String]? = nil) {
            self.notes = notes
            self.path = path
            self.recursive = recursive
            self.force = force
        }
    }

    /// One name, percent-encoded.
    package var name: String
    /// Bytes, at most: what is more is refused.
    package var size: Int64
    /// `NODE` or `NODE:USER`; nil: every other member, or where `upload` says.
    package var to: String?
    package var upload: Upload?

    package init(name: String, size: Int64, to: String?, upload: Upload? = nil) {
        self.name = name
        self.size = size
        self.to = to
        self.upload = upload
    }
}

/// Where the content of a `DeliveryRequest` is to be put.
package struct DeliveryOpened: Codable, Sendable {
    package var content: String
    package init(content: String) { self.content = content }
}

/// `officeshare resend`.
package struct ResendRequest: Codable, Sendable {
    package var force: Bool
    package init(force: Bool) { self.force = force }
}

/// `POST /v1/inbox`: something of a share that is to be fetched when its node can be reached.
package struct WishRequest: Codable, Sendable {
    /// `NODE/SHARE/PATH`, percent-encoded.
    package var path: String
    package var recursive: Bool
    package init(path: String, recursive: Bool) {
        self.path = path
        self.recursive = recursive
    }
}
