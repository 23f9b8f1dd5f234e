import HTTPTypes
import OfficeControl
import OfficeCore
import OfficeTransfer
import OfficeTrust

// What nodes ask each other about copies.

extension PeerPool {
    /// Bytes of a share's record: an access list has its limit.
    private static let longestRecord = 256 << 10

    /// The owner's signed word on a share, or the file server's on a space (of its epoch); asking for it has that node
    /// tell of changes.
    func shareRecord(
        of share: Label, at node: NodeID, epoch: Int64?, user: String, keeping: Bool
    ) async throws -> SealedShareRecord {
        let kind = epoch == nil ? "shares" : "spaces"
        var request = HTTPRequest(
            method: .get, scheme: "https", authority: "officeshare", path: "/v1/\(kind)/\(percentEncoded(share.bytes))")
        request.headerFields[.officeshareUser] = percentEncoded(user.utf8)
        if let epoch { request.headerFields[.officeshareEpoch] = String(epoch) }
        if keeping { request.headerFields[.officeshareKeeping] = "1" }
        return try await exchange(with: node, request) { _, body in
            try await body.decoded(as: SealedShareRecord.self, limit: Self.longestRecord)
        }
    }
}

extension HTTPField.Name {
    /// Says that the file server reads a share for its kept copy, and for nobody who uses it.
    static let officeshareKeeping = Self.known("Officeshare-Keeping")
}

extension HTTPRequest {
    /// One exchange with the copy that a member keeps of another's share.
    static func exchange(pinOf owner: NodeID, _ share: Label, _ verb: ShareVerb, user: String) -> HTTPRequest {
        var head = exchange(share, verb, user: user)
        head.path = "/v1/pins/\(owner)/\(percentEncoded(share.bytes))/\(verb.rawValue)"
        return head
    }
}
