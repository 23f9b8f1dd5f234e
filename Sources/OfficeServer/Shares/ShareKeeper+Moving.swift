import OfficeCore
import OfficeTrust

/// One step of moving a share to the centre, asked of its owner by the file server; and the owner's answer.
struct ShareMoveCall: Codable, Sendable {
    enum Step: String, Codable, Sendable {
        /// The file server may read it, if who asks may use it.
        case begin
        /// Nothing is changed in it any more. Answered with a token, which ends when this node is started anew or the
        /// time is up.
        case freeze
        /// It is all in the space, unless something was changed since: the space has its name from now on.
        case confirm
        /// It came to nothing: on as before, unless that was confirmed.
        case resume
    }

    var step: Step
    /// The space that it becomes.
    var space: Label
    /// Who wants it so.
    var node: NodeID
    var user: UserName
    var token: String?
    /// In answers: who may use it.
    var access: AccessList?
    /// In answers: whether the space has its name already.
    var isMoved: Bool?
}

/// A share on its way to the centre.
struct MovingShare: Sendable {
    let server: NodeID
    /// Set while nothing is changed.
    var token: String?
}

// A share that moves to the centre: served from its folder until all of it is in the space, by the space from then on.

extension ShareKeeper {
    /// How long nothing is changed for a move that doesn't come to its end.
    private static let longestFreeze = Duration.seconds(600)

    func movedTo(_ name: Label) -> Label? { record(of: name)?.movedTo }
    func has(_ name: Label) -> Bool { record(of: name) != nil }

    /// - Parameters:
    ///   - server: The file server, which asks.
    ///   - own: This node, whose user owns the folder.
    func move(
        _ name: Label, _ call: ShareMoveCall, by server: NodeID, on own: NodeID
    ) async throws -> ShareMoveCall {
        guard let record = record(of: name) else { throw Self.unknown(name) }
        var answer = call
        answer.isMoved = record.movedTo == call.space
        switch call.step {
        case .begin:
            let owner = Account.userName(of: record.owner).flatMap { try? UserName($0) }
            let isOwner = call.node == own && call.user == owner
            guard isOwner || record.access.allows(Principal(node: call.node, user: call.user)) else {
                throw Self.unknown(name)
            }
            guard record.movedTo == nil || record.movedTo == call.space else { throw Self.moved(record) }
            guard record.isWritable else {
                throw OfficeError(
                    .notAllowed, name.description, "the share is read-only, and who may use a space may write there",
                    mend: "Its owner can change that with 'officeshare share set \(name) --rw'.")
            }
            var grants = record.access.grants
            if let owner { grants.insert(.user(owner, own)) }
            answer.access = try AccessList(grants)
            moving[name] = MovingShare(server: server)
        case .freeze:
            guard moving[name]?.server == server, moving[name]?.token == nil else { throw Self.noMove(name) }
            let token = hexEncoded((0..<16).map { _ in UInt8.random(in: 0...255) })
            moving[name]?.token = token
            await fence(of: name).close()
            answer.token = token
            Task {
                try await Task.sleep(for: Self.longestFreeze)
                self.thaw(name, token)
            }
        case .confirm:
            guard let token = moving[name]?.token, token == call.token else { throw Self.noMove(name) }
            try await setMoved(name, to: call.space)
            moving[name] = nil
            answer.isMoved = true
        case .resume:
            if let token = moving[name]?.token { thaw(name, token) }
        }
        return answer
    }

    private func thaw(_ name: Label, _ token: String) {
        guard moving[name]?.token == token else { return }
        moving[name] = nil
        fence(of: name).open()
    }

    /// The share is what the space is; nil: its own folder again, as it was left.
    func setMoved(_ name: Label, to space: Label?) async throws {
        guard var record = record(of: name) else { return }
        record.movedTo = space
        try await update(record)
        if space == nil { fence(of: name).open() }
    }

    /// The shares that spaces stand for.
    var moved: [Label] { all.filter { $0.movedTo != nil }.map(\.name) }

    static func moved(_ record: ShareRecord) -> OfficeError {
        let space = "\(Label.office)/\(record.movedTo?.description ?? "")"
        return OfficeError(
            .temporary, record.name.description, "it is '\(space)' now",
            mend: "Use that path. For the folder as it was left: 'officeshare share rm', and share it anew.")
    }

    private static func noMove(_ name: Label) -> OfficeError {
        OfficeError(.temporary, name.description, "it knows of no such move", mend: "Run the same again.")
    }
}
