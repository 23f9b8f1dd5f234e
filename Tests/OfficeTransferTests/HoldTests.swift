import Foundation
import NIOCore
import OfficeCore
import Synchronization
import Testing

@testable import OfficeTransfer

/// Transfers that are held.
@Suite struct HoldTests {
    @Test func noTimePassesWhileItIsHeld() {
        let hand = HandClock()
        let hold = TransferHold(clock: hand.transferClock)
        hand.advance(by: .seconds(5))
        hold.hold()
        hand.advance(by: .seconds(100))
        hold.hold()
        #expect(hold.clock.now() == .seconds(5))
        hold.release()
        hand.advance(by: .seconds(2))
        hold.release()
        #expect(hold.clock.now() == .seconds(7))
    }

    @Test func whoWaitsIsLetGoOnOrCancelled() async throws {
        let hold = TransferHold()
        try await hold.pass()
        hold.hold()
        let waits = Task { try await hold.pass() }
        let givesUp = Task { try await hold.pass() }
        givesUp.cancel()
        await #expect(throws: CancellationError.self) { try await givesUp.value }
        hold.release()
        try await waits.value
    }

    /// Held for much longer than its patience it goes on where it was, and moves nothing twice.
    @Test func aGetOutlivesANight() async throws {
        let office = try TestOffice()
        let data = noise(4 << 20)
        try data.write(to: URL(filePath: office.share + "/file"))
        let hand = HandClock()
        let hold = TransferHold(clock: hand.transferClock)
        let wasHeld = Atomic(false)
        let (held, isHeld) = AsyncStream.makeStream(of: Void.self)
        let transport = try office.transport { carried in
            if carried.verb == .fetch, carried.way == .answer, carried.offset > 1 << 20,
                !wasHeld.exchange(true, ordering: .relaxed)
            {
                hold.hold()
                isHeld.finish()
            }
            return .none
        }
        let summary = try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask {
                for await _ in held {}
                for _ in 0..<100 { hand.advance(by: .seconds(600)) }
                hold.release()
            }
            let summary = try await office.get("file", transport) { options in
                options.clock = hand.transferClock
                options.hold = hold
            }
            try await tasks.waitForAll()
            return summary
        }
        #expect(summary.failure == nil && summary.bytes == Int64(data.count) && summary.resentBlocks == 0)
        #expect(try Data(contentsOf: URL(filePath: office.here + "/file")) == data)
    }
}
