import OfficeControl
import OfficeCore
import OfficeFolders
import OfficeTransfer
import OfficeTrust

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Deliveries as the people of this machine see them: whose is whose is decided here.
///
/// What one sent is one's own, and root's. What came is for the user it names (and root, who is the machine), or where
/// it names nobody for everyone who uses this machine: whoever takes it first has it.
struct DeliveryDesk: Sendable {
    let post: PostRoom.Parts

    // MARK: Sending

    /// Opens the deliveries that a request asks for; their content is to follow.
    func open(_ request: DeliveryRequest, by caller: LocalCaller) async throws -> DeliveryID {
        let user = try UserName(caller.userName)
        let name = try RelativePath(parsing: try percentDecoded(request.name))
        guard name.components.count == 1, !name.isReserved else {
            throw OfficeError(.malformed, name.description, "this can't be the name of a file that is sent")
        }
        guard request.size >= 0, request.size <= TransferLimits().fileBytes else {
            throw OfficeError(.malformed, name.description, "its size can't be right")
        }
        let content = DeliveryID()
        let drafts = try await errands(of: request).map { node, errand in
            OutgoingDelivery(
                id: DeliveryID(), content: content, name: name, size: request.size, root: nil, user: user, to: node,
                errand: errand, created: .now)
        }
        try await post.outbox.open(drafts, size: request.size, by: user)
        return content
    }

    private func errands(of request: DeliveryRequest) async throws -> [(NodeID, OutgoingDelivery.Errand)] {
        if let upload = request.upload {
            let place = try RemotePlace(try OfficePath(parsing: try percentDecoded(upload.path)))
            return [
                (
                    try await owner(named: place.node),
                    .put(
                        .init(
                            share: place.share, path: place.path, recursive: upload.recursive, force: upload.force,
                            notes: try Self.notes(upload.notes)))
                )
            ]
        }
        guard let to = request.to else {
            guard await post.office.isMember else { throw OfficeKeeper.inNone }
            let others = await post.office.otherMembers().sorted()
            guard !others.isEmpty else {
                throw OfficeError(.notFound, "--to-all", "there is no other node in the office")
            }
            return others.map { ($0, .send(to: nil)) }
        }
        let parts = to.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let user = parts.count > 1 ? try UserName(parts[1]) : nil
        return [(try await node(named: try Label(parts[0])), .send(to: user))]
    }

    private static func notes(_ told: [String: String]?) throws -> [OutgoingDelivery.Upload.Note]? {
        guard let told, !told.isEmpty else { return nil }
        return try told.compactMap { name, note in
            guard let bytes = Data(base64Encoded: note), bytes.count <= ReadableFile.longestAttribute else {
                return nil
            }
            return .init(name: try RelativePath(parsing: try percentDecoded(name)), bytes: [UInt8](bytes))
        }
    }

    private func node(named name: Label) async throws -> NodeID {
        guard let node = await post.office.node(named: name) else { throw Self.unknown(name) }
        return node
    }

    /// Whose shares a path names: a node's, or the office's spaces.
    private func owner(named name: Label) async throws -> NodeID {
        guard let owner = await post.office.owner(named: name) else { throw Self.unknown(name) }
        return owner
    }

    private static func unknown(_ name: Label) -> OfficeError {
        OfficeError(
            .notFound, name.description, "there is no such node in the office",
            mend: "'officeshare office members' shows who is in.")
    }

    /// What a caller has sent; the id may be the beginning of one.
    func sent(_ id: String, by caller: LocalCaller) async throws -> OutgoingDelivery {
        let own = await post.outbox.all.filter { Self.isSender($0, caller) }
        return try Self.only(own.filter { $0.id.description.hasPrefix(id.lowercased()) }, id, Outbox.unknown)
    }

    func sent(by caller: LocalCaller) async -> [OutgoingDelivery] {
        await post.outbox.all.filter { Self.isSender($0, caller) }
    }

    // MARK: Receiving

    func received(_ id: String, by caller: LocalCaller) async throws -> IncomingDelivery {
        let own = await received(by: caller)
        return try Self.only(own.filter { $0.id.description.hasPrefix(id.lowercased()) }, id, Inbox.unknown)
    }

    func received(by caller: LocalCaller) async -> [IncomingDelivery] {
        await post.inbox.all.filter { Self.isReceiver($0, caller) }
    }

    /// Something of another node's share, to be fetched for a caller when it can be.
    func want(_ request: WishRequest, by caller: LocalCaller) async throws -> IncomingDelivery {
        let place = try RemotePlace(try OfficePath(parsing: try percentDecoded(request.path)))
        let node = try await owner(named: place.node)
        guard node != post.office.identity.id else {
            throw OfficeError(.usage, place.description, "it is on this node", mend: "Leave --queue out.")
        }
        let record = try IncomingDelivery(
            .init(share: place.share, path: place.path, recursive: request.recursive), from: node,
            by: try UserName(caller.userName))
        try await post.inbox.want(record)
        return record
    }

    func reject(_ record: IncomingDelivery, by caller: LocalCaller) async throws -> IncomingDelivery {
        let rejected = try await post.inbox.reject(record.id, by: try UserName(caller.userName))
        if rejected.state == .rejected, case .sent = rejected.origin {
            await post.report(rejected.report, to: rejected.from)
        }
        return rejected
    }

    // MARK: Whose is whose

    static func isSender(_ record: OutgoingDelivery, _ caller: LocalCaller) -> Bool {
        caller.userID == 0 || record.user.description == caller.userName
    }

    static func isReceiver(_ record: IncomingDelivery, _ caller: LocalCaller) -> Bool {
        caller.userID == 0 || record.to.map { $0.description == caller.userName } ?? true
    }

    private static func only<Record>(
        _ found: [Record], _ id: String, _ unknown: (String) -> OfficeError
    ) throws(OfficeError) -> Record {
        guard let first = found.first, id.utf8.count >= 4 else { throw unknown(String(id.prefix(64))) }
        guard found.count == 1 else {
            throw OfficeError(.malformed, id.escapedForTerminal, "several begin so", mend: "Give more of it.")
        }
        return first
    }

    // MARK: Models

    func model(_ record: OutgoingDelivery) async -> DeliveryModel {
        let node = await post.office.name(of: record.to)
        let to: String
        switch record.errand {
        case .send(let user): to = node + (user.map { ":\($0)" } ?? "")
        case .put(let upload):
            to = "\(node)/\(upload.share)" + (upload.path.isRoot ? "" : "/\(upload.path)")
        }
        return DeliveryModel(
            id: record.id.description, name: record.name.bytes, size: record.size, root: record.root?.description,
            from: "\(record.user)@\(await post.office.ownName)", to: to, state: record.state.rawValue,
            reason: record.reason, time: record.created,
            bytes: record.state == .moving ? await post.outbox.bytesSent(record.id) : nil,
            receipt: record.receipt?.signature, taken: nil, takenBy: nil)
    }

    func model(_ record: IncomingDelivery) async -> DeliveryModel {
        let node = await post.office.name(of: record.from)
        let from: String
        switch record.origin {
        case .sent(let user): from = "\(user)@\(node)"
        case .wanted(let wish): from = "\(node)/\(wish.share)" + (wish.path.isRoot ? "" : "/\(wish.path)")
        }
        return DeliveryModel(
            id: record.id.description, name: record.name.bytes, size: record.size, root: record.root?.description,
            from: from, to: "\(await post.office.ownName)" + (record.to.map { ":\($0)" } ?? ""),
            state: record.state.rawValue, reason: record.reason, time: record.received,
            bytes: record.state == .moving ? await post.inbox.bytesCome(record.id) : nil,
            receipt: record.receipt?.signature, taken: record.taken, takenBy: record.takenBy?.description)
    }
}
