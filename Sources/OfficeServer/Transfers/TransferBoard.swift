import OfficeControl
import OfficeCore

/// What moves now at this node, and whose it is: commands' transfers for as long as they run, and the daemon's own.
///
/// Whose transfer it is carries orders out itself; the board knows what was ordered last.
actor TransferBoard {
    struct ID: Hashable, Comparable, CustomStringConvertible {
        fileprivate let number: Int
        var description: String { String(number) }
        static func < (one: Self, other: Self) -> Bool { one.number < other.number }
    }

    fileprivate struct Row {
        let opening: TransferOpening
        /// nil: everybody's who uses this machine.
        let userID: UInt32?
        var isPaused: Bool
        var standing = TransferStanding()
        let orders: AsyncStream<TransferOrder>.Continuation
    }

    /// Orders that wait for one transfer: what is given beyond them was overtaken by later ones.
    private static let mostOrders = 8

    /// Where it is told who sent what was wrong.
    nonisolated let rejections: RejectionLog
    private var rows: [ID: Row] = [:]
    private var last = 0

    init(rejections: RejectionLog) { self.rejections = rejections }

    /// A transfer begins; its orders come as a stream that ends with it.
    func begin(_ opening: TransferOpening, userID: UInt32?) -> (id: ID, orders: AsyncStream<TransferOrder>) {
        last += 1
        let id = ID(number: last)
        let (orders, give) = AsyncStream.makeStream(
            of: TransferOrder.self, bufferingPolicy: .bufferingNewest(Self.mostOrders))
        rows[id] = Row(opening: opening, userID: userID, isPaused: opening.paused, orders: give)
        return (id, orders)
    }

    func update(_ id: ID, _ standing: TransferStanding) { rows[id]?.standing = standing }

    func end(_ id: ID) { rows.removeValue(forKey: id)?.orders.finish() }

    // MARK: What people ask

    /// The caller's transfers, and to who manages the node everybody's, in the order in which they began.
    func models(for caller: LocalCaller) -> [TransferModel] {
        rows.filter { $0.value.isControlled(by: caller) && $0.value.isShown }
            .sorted { $0.key < $1.key }
            .map { $0.value.model($0.key) }
    }

    /// Has a transfer do something; what is another's is not there.
    func order(_ order: TransferOrder, _ id: String, by caller: LocalCaller) throws(OfficeError) -> TransferModel {
        guard let id = Int(id).map(ID.init(number:)), var row = rows[id], row.isControlled(by: caller) else {
            throw OfficeError(
                .notFound, "transfer \(id)", "there is no such transfer, or it is another user's",
                mend: "'officeshare transfers' shows what moves now.")
        }
        if order == .cancel { try row.checkIsCancelled(id) }
        if order != .cancel { row.isPaused = order == .pause }
        row.orders.yield(order)
        rows[id] = row
        return row.model(id)
    }
}

extension TransferBoard.Row {
    fileprivate func isControlled(by caller: LocalCaller) -> Bool {
        caller.manages || userID == nil || caller.userID == userID
    }

    /// A pin that is only compared with its share moves nothing. One that is paused is shown: else nobody could let it
    /// go on.
    fileprivate var isShown: Bool { opening.kind != .pin || isPaused || standing.total ?? 0 > standing.bytes }

    /// Throws where it would only be begun again.
    fileprivate func checkIsCancelled(_ id: TransferBoard.ID) throws(OfficeError) {
        switch opening.kind {
        case .pin:
            throw OfficeError(
                .usage, "transfer \(id)", "the daemon would begin it again, to keep the pin up to date",
                mend: "Pause it, or end the pin with 'officeshare unpin \(opening.path)'.")
        case .receive:
            throw OfficeError(
                .usage, "transfer \(id)", "the daemon would begin it again, for it was accepted",
                mend: "Pause it, or reject it with 'officeshare inbox reject'.")
        case .get, .put, .cat, .sync, .send: return
        }
    }

    fileprivate func model(_ id: TransferBoard.ID) -> TransferModel {
        TransferModel(
            id: id.description, kind: opening.kind, path: opening.path, bytes: standing.bytes, total: standing.total,
            rate: isPaused ? 0 : standing.rate, state: isPaused ? .paused : .moving)
    }
}
