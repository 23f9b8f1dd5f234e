import OfficeCore
import OfficeStore
import OfficeTransfer
import OfficeTrust

// What the standby's two sides need of the file server.

extension FileServer {
    /// Nothing is written from now on, for a moment; false where something else is going on.
    func freeze(for epoch: Int64) async -> Bool {
        guard let current = store, current.epoch == epoch, handingOver?.token == nil, fence.mode == .serving(epoch)
        else { return false }
        isFrozen = true
        fence.mode = .handingOver(epoch)
        await changesEnd()
        await onDisk { for space in current.store.spaces { space.drain() } }
        return true
    }

    func thaw(_ epoch: Int64) {
        isFrozen = false
        guard store?.epoch == epoch, handingOver?.token == nil, fence.mode == .handingOver(epoch) else { return }
        fence.mode = .serving(epoch)
    }

    /// Where this node's store is, unless a person says otherwise: where it was before, or in the service's own folder.
    ///
    /// What `demote` made shares of stays where it is, also when the store of another file server comes here: that one gets
    /// the next folder that is free.
    func standbyPath() async throws(OfficeError) -> [UInt8] {
        let standard = Self.standardStore(in: await office.stateDirectory)
        // Without a file server its own spaces are taken up again.
        let offered = await office.state?.fileServer == nil ? [] : await shares.all.map(\.path)
        @Sendable func isFree(_ path: [UInt8]) -> Bool { !offered.contains { $0.isAtOrBelow(path) } }
        return try await onDisk { [history] () throws(OfficeError) -> [UInt8] in
            var known = try history.standby()
            if known == nil { known = try history.copying() }
            let usual = known ?? standard
            if isFree(usual) { return usual }
            let left = try history.left()
            var free = standard
            var number = 2
            while !isFree(free) || free == left {
                free = standard + Array("-\(number)".utf8)
                number += 1
            }
            try history.standby(free)
            return free
        }
    }

    /// Throws where a share of this node is in that folder: what lies there can't be put aside for another store.
    func checkOffersNothing(in path: [UInt8]) async throws(OfficeError) {
        guard let share = await shares.all.first(where: { $0.path.isAtOrBelow(path) }) else { return }
        throw OfficeError(
            .exists, escapedForTerminal(path), "this node's share '\(share.name)' is in it",
            mend: "Name another folder, or end the share first with 'officeshare share rm \(share.name)'.")
    }

    func keepStandby(at path: [UInt8]) async throws(OfficeError) {
        try await onDisk { [history] () throws(OfficeError) in try history.standby(path) }
    }

    /// Makes the store here equal to the file server's, as far as that stands still.
    /// - Parameter distrusted: What is compared by content, whatever size and time say; nil: everything.
    func copyAsStandby(
        from node: NodeID, by transport: StoreTransport, distrusting distrusted: [RelativePath]?, isLast: Bool
    ) async throws {
        let path = try await standbyPath()
        let name = try Label(await office.name(of: node))
        _ = try await prepare(path)
        try await follower.copy {
            if let distrusted {
                try await self.onDisk { () throws(OfficeError) in try Store.distrust(distrusted, at: path) }
            }
            try await self.copy(
                from: name, by: transport, to: path, comparingContent: distrusted == nil, isLast: isLast)
        }
    }

    /// What the standby's state is for who looks at `status`: nil where this node doesn't know.
    func standbyInStep() async -> Bool? { await lead?.isInStep }

    /// That the standby is behind, for all members.
    func standbyNotice() async -> PeerNotice? {
        guard let lead else { return nil }
        if await lead.isHeld {
            return PeerNotice(
                kind: PeerNotice.standby, what: await office.name(of: lead.standby),
                why: "the standby is lost, and nobody could be told yet, so that nothing counts as written",
                mend: "Wait for another member, or go on without a standby: 'officeshare demote --standby'.")
        }
        guard let since = await lead.behindSince else { return nil }
        return PeerNotice(
            kind: PeerNotice.standby, what: await office.name(of: lead.standby),
            why: "as the standby it is behind the file server, since its change \(since)",
            mend: "It catches up by itself; until then what is written is on the file server alone.")
    }
}

extension [UInt8] {
    /// Whether a path leads to that folder, or to something in it: both absolute, and without a slash at their ends.
    func isAtOrBelow(_ folder: [UInt8]) -> Bool {
        starts(with: folder) && (count == folder.count || self[folder.count] == UInt8(ascii: "/"))
    }
}
