import OfficeControl
import OfficeTransfer

extension TransferBoard {
    /// A transfer of the daemon's own: on the board while `operation` runs, and held when that is ordered.
    nonisolated func follow<Answer: Sendable>(
        _ opening: TransferOpening, userID: UInt32, _ operation: @Sendable (TransferOptions) async -> Answer
    ) async -> Answer {
        let hold = TransferHold()
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
