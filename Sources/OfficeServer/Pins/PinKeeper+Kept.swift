import Logging
import OfficeCore
import OfficeTrust

// What owners have marked with `--keep`, the file server pins by itself.

extension PinKeeper {
    /// In whose name it fetches; what the owner's list says of them counts for who reads the copy, not for the copy.
    private static let keeper = (name: "root", id: UInt32(0))

    /// Anew for all who are there: the log may name another file server.
    func keepMarked() async {
        for node in heard { await keepMarked(of: node) }
    }

    /// Keeps what a node marks, where this one is the file server, and no longer what it marks no more.
    ///
    /// Only what a node said that is there counts: a copy never goes because its owner is away, and a node that is the
    /// file server no longer keeps it until then.
    func keepMarked(of owner: NodeID) async {
        guard owner != office.identity.id, let known = await directory[owner], known.presence == .online else { return }
        let isServer = await office.isFileServer(office.identity.id)
        let offers = isServer ? known.offers : []
        let marked = Set(offers.filter { $0.keep && $0.isSpace != true }.map(\.name))
        do {
            let kept = pins.values.filter(\.isKept).map(\.key)
            let surplus = kept.filter { $0.owner == owner && !marked.contains($0.share) }
            for key in surplus { try await drop(key) }
            if !surplus.isEmpty { announce() }
            for share in marked.sorted() { try await keep(PinRecord.Key(owner: owner, share: share)) }
            for key in failures.keys where key.owner == owner && pins[key] == nil && !marked.contains(key.share) {
                failures[key] = nil
            }
        } catch {
            logger.warning("what is kept can't be written down", metadata: [LogKey.error: "\(error)"])
        }
    }

    private func keep(_ key: PinRecord.Key) async throws {
        guard pins[key] == nil else { return }
        guard pins.count < most else {
            failures[key] = OfficeError(
                .limit, key.share.description, "the file server keeps \(most) copies, the most it may have",
                mend: "Raise 'limits.pins' in its configuration.")
            return
        }
        failures[key] = nil
        var pin = PinRecord(key: key, user: Self.keeper.name, userID: Self.keeper.id)
        pin.isKept = true
        pins[key] = pin
        do {
            try await store.save(pin)
        } catch {
            pins[key] = nil
            throw error
        }
        announce()
    }
}
