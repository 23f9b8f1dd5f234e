import HTTPTypes
import OfficeControl
import OfficeCore
import OfficeTransfer
import OfficeTrust

// What nodes ask each other about copies.

extension PeerPool {
    /// Bytes of a share's record: an access list has its limit.
    private static let longestRecord = 256 << 10

    /// The owner's signed word on a share; asking for it has the owner tell of changes.
    func shareRecord(of share: Label, at owner: NodeID, user: String) async throws -> SealedShareRecord {
        var request = HTTPRequest(
            method: .get, scheme: "https", authority: "officeshare", path: "/v1/shares/\(percentEncoded(share.bytes))")
        request.headerFields[.officeshareUser] = percentEncoded(user.utf8)
        return try await exchange(with: owner, request) { _, body in
            try await body.decoded(as: SealedShareRecord.self, limit: Self.longestRecord)
        }
    }
}

extension HTTPRequest {
    /// One exchange with the copy that a member keeps of another's share.
    static func exchange(pinOf owner: NodeID, _ share: Label, _ verb: ShareVerb, user: String) -> HTTPRequest {
        var head = exchange(share, verb, user: user)
        head.path = "/v1/pins/\(owner)/\(percentEncoded(share.bytes))/\(verb.rawValue)"
        return head
    }
}
