import NIOConcurrencyHelpers
import OfficeControl
import OfficeCore
import OfficeFolders
import OfficeStore
import OfficeTransfer
import OfficeTrust

/// One step of a hand-over, asked of the file server by the admin's node that promotes another.
struct HandOverCall: Codable, Sendable {
    enum Step: String, Codable, Sendable {
        /// The other node may read the store.
        case begin
        /// Nothing is written any more. Answered with a token, which ends when this node is started anew or the time is up.
        case freeze
        /// Whether nothing was written since.
        case confirm
        /// It came to nothing: on as before.
        case resume
    }

    var step: Step
    var to: NodeID
    var token: String?
    /// Answered to `begin`, and asked with `confirm`: the other node is the standby and has everything.
    var isInStep: Bool?
}

extension FileServer {
    /// How long nothing is written for a hand-over that doesn't come to its end.
    static let longestFreeze = Duration.seconds(600)

    /// A hand-over that is under way here.
    struct HandingOver: Sendable {
        let to: NodeID
        /// Whose node goes through the steps.
        let by: NodeID
        /// Set while nothing is written.
        var token: String?
    }

    /// - Parameter node: Who asks.
    func handOver(_ call: HandOverCall, by node: NodeID) async throws(OfficeError) -> HandOverCall {
        guard let current = store else {
            // One without its store is as good as lost, and says so.
            _ = try self.current(nil)
            throw ServingFence.moving
        }
        switch call.step {
        case .begin:
            // One that was broken off before its end: whoever was at it is refused from now on.
            if let token = handingOver?.token { resume(token) }
            try fence.check(current.epoch, writing: true)
            handingOver = HandingOver(to: call.to, by: node)
            guard let lead, lead.standby == call.to else { break }
            if await lead.isInStep { return HandOverCall(step: .begin, to: call.to, isInStep: true) }
            await lead.pause()
        case .freeze:
            guard handingOver?.to == call.to, handingOver?.token == nil else { throw Self.noHandOver }
            let token = hexEncoded((0..<16).map { _ in UInt8.random(in: 0...255) })
            handingOver?.token = token
            fence.mode = .handingOver(current.epoch)
            await changesEnd()
            await onDisk { for space in current.store.spaces { space.drain() } }
            Task {
                try await Task.sleep(for: Self.longestFreeze)
                self.resume(token)
            }
            return HandOverCall(step: .freeze, to: call.to, token: token)
        case .confirm:
            guard let token = handingOver?.token, token == call.token else { throw Self.noHandOver }
            guard call.isInStep == true else { break }
            // A standby that was taken for equal has to be so to the end.
            try await onDisk { () throws(OfficeError) in try current.store.feed.confirm() }
            guard await lead?.isInStep == true else { throw Self.noHandOver }
        case .resume:
            if let token = handingOver?.token { resume(token) }
            handingOver = nil
        }
        return call
    }

    /// A node isn't there any more: what it had begun comes to nothing. If it has written the next epoch down, nobody knows
    /// of it yet, and what is written here until they do is brought in.
    func lost(_ node: NodeID) {
        copies.tell()
        guard let handingOver, handingOver.by == node, node != office.identity.id else { return }
        if let token = handingOver.token { resume(token) } else { self.handingOver = nil }
    }

    private func resume(_ token: String) {
        guard handingOver?.token == token, let current = store else { return }
        handingOver = nil
        fence.mode = .serving(current.epoch)
    }

    private static let noHandOver = OfficeError(
        .temporary, Label.office, "the file server knows of no such hand-over", mend: "Run the same again.")

    /// The store, for the node that is taking it over, to read.
    func storeToRead(by node: NodeID) async throws -> Folder {
        guard let store, handingOver?.to == node || lead?.standby == node else { return try await leftStore(for: node) }
        return store.store.root
    }

    /// Makes a store here equal to that of the file server. What another store left here is put aside first.
    ///
    /// - Parameter isLast: Nothing is written there meanwhile. Else what is removed under the copy is no error: the last
    ///   copy has it as it is then.
    func copy(
        from centre: Label, by transport: some ShareTransport, to path: [UInt8], comparingContent: Bool = false,
        isLast: Bool
    ) async throws {
        let previous = copying
        previous?.cancel()
        let task = Task {
            _ = await previous?.result
            try Task.checkCancellation()
            try await bring(from: centre, by: transport, to: path, comparingContent, isLast)
        }
        copying = task
        try await withTaskCancellationHandler {
            try await task.value
        } onCancel: {
            task.cancel()
        }
    }

    /// No copy is made any more when it returns. An older one would take away what only a newer one knows of, and what is
    /// written here since.
    func endCopying() async {
        copying?.cancel()
        _ = await copying?.result
        copying = nil
    }

    private func bring(
        from centre: Label, by transport: some ShareTransport, to path: [UInt8], _ comparingContent: Bool,
        _ isLast: Bool
    ) async throws(OfficeError) {
        try await checkOffersNothing(in: path)
        try await onDisk { [history] () throws(OfficeError) in
            guard try history.left() != path else {
                throw OfficeError(
                    .temporary, escapedForTerminal(path), "what was written here last is still being brought in",
                    mend: "Run the same again in a while.")
            }
            guard try history.copying() != path else { return }
            try Store.putAside(at: path)
            try history.copies(path)
        }
        var options = TransferOptions()
        options.patience = .seconds(30)
        var plan = Synchronizer.Plan()
        plan.delete = true
        plan.comparesContent = comparingContent
        let synchronizer = Synchronizer(transport: transport, pool: disk, options: options, plan: plan)
        for part in Store.parts { try await copy(part, from: centre, by: synchronizer, to: path, isLast) }
        // By the records that have just come.
        let outlying = try await onDisk { () throws(OfficeError) in try Store.outlying(at: path) }
        for part in outlying { try await copy(part, from: centre, by: synchronizer, to: path, isLast) }
    }

    private func copy(
        _ part: FileName, from centre: Label, by synchronizer: Synchronizer, to path: [UInt8], _ isLast: Bool
    ) async throws(OfficeError) {
        let place = RemotePlace(node: centre, share: try Label("store"), path: try RelativePath([part]))
        let summary = await synchronizer.download(place, to: path + [UInt8(ascii: "/")] + part.bytes)
        try summary.check(place, isLast: isLast)
    }
}

extension TransferSummary {
    /// Throws what went wrong with a copy; of one that is not the last only what no later one would mend.
    func check(_ place: RemotePlace, isLast: Bool) throws(OfficeError) {
        let lasting = failed.first { isLast || $0.path == place.description || !Self.passing.contains($0.error.code) }
        if let lasting { throw lasting.error.about(lasting.path) }
        if failed.isEmpty, let code = failure { throw OfficeError(code, place.description, "the copy failed") }
    }

    /// What a file does that was listed, and then removed, replaced or written to.
    private static let passing: Set<OfficeError.Code> = [.notFound, .changed, .temporary]
}

/// Carries exchanges to the store of the file server that hands it over.
struct StoreTransport: ShareTransport {
    let pool: PeerPool
    let node: NodeID

    func exchange<Answer: Sendable>(
        node name: Label, share: Label, verb: ShareVerb, server: Label?,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        try await pool.exchange(with: node, .storeExchange(verb), send: send) { _, body in try await receive(body) }
    }
}
