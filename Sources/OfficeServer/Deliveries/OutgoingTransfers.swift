import Logging
import OfficeControl
import OfficeCore
import OfficeTrust
import ServiceLifecycle

/// Has deliveries on their way out on the board, like other transfers: paused, gone on with, and taken back.
actor OutgoingTransfers: Service {
    private let board: TransferBoard
    private let outbox: Outbox
    private let office: OfficeKeeper
    private let changes: EventHub<DeliveryChange>
    private let logger: Logger
    private var rows: [DeliveryID: TransferBoard.ID] = [:]

    init(
        board: TransferBoard, outbox: Outbox, office: OfficeKeeper, changes: EventHub<DeliveryChange>, logger: Logger
    ) {
        self.board = board
        self.outbox = outbox
        self.office = office
        self.changes = changes
        self.logger = logger
    }

    func run() async throws {
        while !Task.isShuttingDownGracefully, !Task.isCancelled {
            // A hub cuts off who falls behind.
            let events = changes.listen()
            for record in await outbox.all { await changed(record.id) }
            for await event in events.cancelOnGracefulShutdown() {
                if case .outgoing(let record) = event { await changed(record.id) }
            }
        }
    }

    /// How far each is, for who asks now.
    func refresh() async {
        for (id, row) in rows {
            guard let record = await outbox[id] else { continue }
            await board.update(
                row,
                TransferStanding(
                    bytes: await outbox.bytesSent(id) ?? 0, total: record.size, rate: await outbox.rate(of: id)))
        }
    }

    private func changed(_ id: DeliveryID) async {
        let record = await outbox[id]
        if let record, record.isMoving {
            guard rows[id] == nil else { return }
            await begin(record)
        } else if let row = rows.removeValue(forKey: id) {
            await board.end(row)
        }
    }

    private func begin(_ record: OutgoingDelivery) async {
        guard case .send(let user) = record.errand else { return }
        let to = await office.name(of: record.to) + (user.map { ":\($0)" } ?? "")
        let (row, orders) = await board.begin(
            TransferOpening(kind: .send, path: "\(to)/\(record.name)", paused: record.isPaused == true),
            userID: Account.userID(named: record.user.description) ?? 0)
        rows[record.id] = row
        let id = record.id
        Task { for await order in orders { await carryOut(order, id) } }
    }

    private func carryOut(_ order: TransferOrder, _ id: DeliveryID) async {
        do {
            switch order {
            case .pause: try await outbox.pause(id, true)
            case .resume: try await outbox.pause(id, false)
            case .cancel: _ = try await outbox.remove(id)
            }
        } catch {
            logger.info("an order for a delivery came too late", metadata: [LogKey.error: "\(error)"])
        }
    }
}

extension OutgoingDelivery {
    /// Whether it is a transfer: on its way, or held back on it.
    fileprivate var isMoving: Bool {
        guard case .send = errand else { return false }
        return state == .moving || isOpen && isPaused == true
    }
}
