import OfficeControl
import OfficeTransfer

extension TransferBoard {
    /// A transfer of the daemon's own: on the board while `operation` runs, and held when that is ordered.
    ///
    /// - Parameters:
    ///   - userID: Whose it is; nil: everybody's who uses this machine.
    ///   - ordered: Told of each order that was carried out.
    nonisolated func follow<Answer: Sendable>(
        _ opening: TransferOpening, userID: UInt32?,
        ordered: @escaping @Sendable (TransferOrder) async -> Void = { _ in },
        _ operation: @Sendable (TransferOptions) async -> Answer
    ) async -> Answer {
        let hold = TransferHold()
        if opening.paused { hold.hold() }
        let (id, orders) = await begin(opening, userID: userID)
        // What is told is of now alone: what isn't taken in time is not told.
        let (standings, tell) = AsyncStream.makeStream(
            of: TransferStanding.self, bufferingPolicy: .bufferingNewest(1))
        var options = TransferOptions()
        options.hold = hold
        options.progress = { tell.yield(TransferStanding($0)) }
        return await withDiscardingTaskGroup { tasks in
            tasks.addTask {
                for await order in orders {
                    switch order {
                    case .pause: hold.hold()
                    case .resume: hold.release()
                    case .cancel: break
                    }
                    await ordered(order)
                }
            }
            tasks.addTask { for await standing in standings { await self.update(id, standing) } }
            let answer = await operation(options)
            tell.finish()
            await end(id)
            return answer
        }
    }
}
