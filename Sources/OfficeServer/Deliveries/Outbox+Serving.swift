import OfficeCore
import OfficeFolders
import OfficeTransfer
import OfficeTrust

// What receivers fetch, and how far they are.

extension Outbox {
    func bytesSent(_ id: DeliveryID) -> Int64? { standings[id]?.bytes }
    func rate(of id: DeliveryID) -> Int64 { standings[id]?.rate(at: .now) ?? 0 }

    /// What a delivery's receiver may fetch: its content's folder, with nothing else in it.
    func folder(of id: DeliveryID, for node: NodeID) async throws -> Folder {
        let record = try served(id, to: node)
        if record.state == .queued || record.state == .offered {
            try await update(id) { record in
                record.state = .moving
                record.reason = nil
            }
        }
        return try await spool.folder(record.content)
    }

    /// A delivery that its receiver may fetch now.
    func served(_ id: DeliveryID, to node: NodeID) throws(OfficeError) -> OutgoingDelivery {
        guard let record = records[id], record.to == node, record.offer != nil, record.isKept, record.state != .rejected
        else { throw Self.unknown(id.description) }
        guard record.isPaused != true else {
            throw OfficeError(.temporary, record.name.description, "its sender has paused it")
        }
        return record
    }

    /// What a delivery's receiver reads with others.
    func content(of id: DeliveryID, for node: NodeID) throws(OfficeError) -> NamedContent {
        let record = try served(id, to: node)
        guard let root = record.root else { throw Self.unknown(id.description) }
        return NamedContent(size: record.size, root: root)
    }

    /// Holds a delivery back, or lets it go on: that outlives the daemon.
    func pause(_ id: DeliveryID, _ isPaused: Bool) async throws(OfficeError) {
        guard let record = records[id], record.isOpen else { throw Self.unknown(id.description) }
        try await update(id) { $0.isPaused = isPaused ? true : nil }
        guard !isPaused else { return }
        // Offered at once, so that its receiver hears that it goes on.
        asked[id] = nil
        hasWork(Destination(record))
    }
}
