import Logging
import OfficeControl
import OfficeCore
import Testing

@testable import OfficeServer

@Suite struct TransferBoardTests {
    private let alice = LocalCaller(userID: 1000, userName: "alice", manages: false)
    private let bob = LocalCaller(userID: 1001, userName: "bob", manages: false)
    private let root = LocalCaller(userID: 0, userName: "root", manages: true)
    private func board() -> TransferBoard {
        TransferBoard(
            rejections: RejectionLog(logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }) { _ in nil })
    }
    private let opening = TransferOpening(kind: .get, path: "pc1/docs/file", paused: false)

    @Test func isSeenByItsUserAndByManagers() async throws {
        let board = board()
        let (id, _) = await board.begin(opening, userID: alice.userID)
        await board.update(id, TransferStanding(bytes: 5, total: 10, rate: 3))
        let expected = TransferModel(
            id: "1", kind: .get, path: "pc1/docs/file", bytes: 5, total: 10, rate: 3, state: .moving)
        #expect(await board.models(for: alice) == [expected])
        #expect(await board.models(for: root) == [expected])
        #expect(await board.models(for: bob).isEmpty)
        await #expect(throws: OfficeError.self) { try await board.order(.pause, "1", by: bob) }
        await board.end(id)
        #expect(await board.models(for: root).isEmpty)
        await #expect(throws: OfficeError.self) { try await board.order(.pause, "1", by: alice) }
    }

    @Test func handsItsOrdersOnInTheirOrder() async throws {
        let board = board()
        let (id, orders) = await board.begin(opening, userID: alice.userID)
        #expect(try await board.order(.pause, "1", by: alice).state == .paused)
        #expect(try await board.order(.resume, "1", by: root).state == .moving)
        _ = try await board.order(.cancel, "1", by: alice)
        await board.end(id)
        var given: [TransferOrder] = []
        for await order in orders { given.append(order) }
        #expect(given == [.pause, .resume, .cancel])
    }

    @Test func aPinIsShownWhileItMovesAndIsNotCancelled() async throws {
        let board = board()
        let (id, _) = await board.begin(
            TransferOpening(kind: .pin, path: "pc1/docs", paused: false), userID: alice.userID)
        #expect(await board.models(for: alice).isEmpty)
        await board.update(id, TransferStanding(bytes: 5, total: 10))
        #expect(await board.models(for: alice).count == 1)
        await #expect(throws: OfficeError.self) { try await board.order(.cancel, "1", by: alice) }
    }

    @Test func whatIsForEverybodyIsSeenByEverybody() async throws {
        let board = board()
        let (id, orders) = await board.begin(
            TransferOpening(kind: .receive, path: "alice@pc1/file", paused: false), userID: nil)
        #expect(await board.models(for: bob).map(\.kind) == [.receive])
        #expect(try await board.order(.pause, "\(id)", by: bob).state == .paused)
        // The daemon would begin it again.
        await #expect(throws: OfficeError.self) { try await board.order(.cancel, "\(id)", by: bob) }
        await board.end(id)
        #expect(await orders.reduce(into: []) { $0.append($1) } == [.pause])
    }

    @Test func aPausedPinIsSeenBeforeItMoves() async throws {
        let board = board()
        let pin = { TransferOpening(kind: .pin, path: "pc1/docs", paused: $0) }
        _ = await board.begin(pin(false), userID: alice.userID)
        #expect(await board.models(for: alice).isEmpty)
        _ = await board.begin(pin(true), userID: alice.userID)
        #expect(await board.models(for: alice).map(\.state) == [.paused])
    }
}
