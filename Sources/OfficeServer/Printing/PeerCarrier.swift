import HTTPTypes
import NIOCore
import OfficeControl
import OfficeCore
import OfficePrinting
import OfficeTransfer
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#endif

/// Carries jobs to the node that owns their queue: over the members' connections, or within this node.
struct PeerCarrier: JobCarrier {
    private static let longestAnswer = 64 << 10
    private static let pieceBytes = 256 << 10

    let office: OfficeKeeper
    let pool: PeerPool
    let directory: PeerDirectory
    /// This node's own, for its own queues.
    let received: ReceivedJobs
    let submittedSpool: Spool
    let reading: WorkPool

    func offer(_ offer: JobOffer, to owner: NodeID) async throws(OfficeError) -> JobAcceptance {
        if owner == received.owner { return try await received.accept(offer, from: owner) }
        return try await ask("/v1/queues/\(percentEncoded(offer.ticket.queue.bytes))/jobs", offer, of: owner)
    }

    func send(_ document: CInt, from offset: Int64, of offer: JobOffer, to owner: NodeID) async throws(OfficeError) {
        guard owner != received.owner else {
            return try await received.adopt(offer.ticket.id, from: submittedSpool)
        }
        var head = HTTPRequest(
            method: .put, scheme: "https", authority: "officeshare",
            path: "/v1/jobs/\(offer.ticket.id)/document?offset=\(offset)")
        head.headerFields[.contentType] = "application/octet-stream"
        head.headerFields[.contentLength] = String(offer.ticket.size - offset)
        let reading = reading
        try await exchange(with: owner, head) { write in
            var position = offset
            while true {
                let start = position
                let piece = try await reading.run { try Self.read(document, at: start) }
                guard piece.readableBytes > 0 else { return }
                position += Int64(piece.readableBytes)
                try await write(piece)
            }
        } receive: { _ in
        }
    }

    func change(
        _ job: JobID, _ change: JobChange, by user: UserName, at owner: NodeID
    ) async throws(OfficeError) -> JobReport {
        if owner == received.owner {
            return try await received.change(job, change, by: Principal(node: owner, user: user))
        }
        return try await ask("/v1/jobs/\(job)/changes", PeerJobChange(change: change, user: user), of: owner)
    }

    private static func read(_ descriptor: CInt, at offset: Int64) throws -> ByteBuffer {
        var buffer = ByteBuffer()
        var failure: CInt = 0
        _ = buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: pieceBytes) { bytes in
            let count = pread(descriptor, bytes.baseAddress, min(bytes.count, pieceBytes), off_t(offset))
            if count < 0 { failure = errno }
            return max(0, count)
        }
        guard failure == 0 else {
            throw OfficeError(
                .io, "the print spool", "a document can't be read (\(String(cString: strerror(failure))))")
        }
        return buffer
    }

    // MARK: Exchanges

    private func ask<Answer: Decodable & Sendable>(
        _ path: String, _ body: some Encodable & Sendable, of owner: NodeID
    ) async throws(OfficeError) -> Answer {
        let bytes: ByteBuffer
        do {
            bytes = ByteBuffer(bytes: try JSONEncoder().encode(body))
        } catch {
            throw OfficeError(.fault, path, "the request can't be written")
        }
        var head = HTTPRequest(method: .post, scheme: "https", authority: "officeshare", path: path)
        head.headerFields[.contentType] = "application/json"
        head.headerFields[.contentLength] = String(bytes.readableBytes)
        return try await exchange(with: owner, head) {
            try await $0(bytes)
        } receive: { stream in
            try await stream.decoded(as: Answer.self, limit: Self.longestAnswer)
        }
    }

    private func exchange<Answer: Sendable>(
        with owner: NodeID, _ head: HTTPRequest, send: @escaping @Sendable (BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (BodyStream) async throws -> Answer
    ) async throws(OfficeError) -> Answer {
        let known = await directory[owner]
        if let known, known.presence == .offline || known.presence == .gone {
            let since = known.lastSeen.map { " since \($0)" } ?? ""
            throw OfficeError(.unavailable, await office.name(of: owner), "its node is offline\(since)")
        }
        do {
            return try await pool.exchange(with: owner, head, send: send) { _, stream in try await receive(stream) }
        } catch let error as OfficeError {
            throw error == PeerConnector.unreachable
                ? OfficeError(.unavailable, await office.name(of: owner), "its node can't be reached") : error
        } catch {
            throw OfficeError(.temporary, await office.name(of: owner), "the connection was lost (\(error))")
        }
    }
}

/// `POST /v1/jobs/{id}/changes` between members.
struct PeerJobChange: Codable, Sendable {
    var change: JobChange
    var user: UserName
}

/// A queue as its owner tells it to one member.
struct PeerQueue: Codable, Sendable, Hashable {
    var description: QueueDescription
    /// The users of that member who may use it; nil: all of them.
    var users: [String]?

    func isOpen(to user: String) -> Bool { users?.contains(user) ?? true }

    init(description: QueueDescription, users: [String]? = nil) {
        self.description = description
        self.users = users
    }

    /// Without what changes from moment to moment.
    var lasting: PeerQueue {
        var copy = self
        copy.description.state = .idle
        copy.description.accepting = true
        copy.description.reasons = []
        copy.description.stateMessage = nil
        copy.description.jobs = 0
        return copy
    }
}
