import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import OfficeControl
import Testing

/// What all connections of a node hold together has one bound.
struct ByteBudgetTests {
    private let piece = 256 << 10

    @Test func aNodeHoldsNoMoreThanItsBudgetAndAPieceForEach() {
        let budget = ByteBudget(capacity: 4 << 20)
        let accounts = (0..<40).map { _ in budget.account() }
        // Each takes as much as it may, in turn, until none may any more.
        var goesOn = true
        while goesOn {
            goesOn = false
            for account in accounts where account.mayGoOn {
                account.hold(piece)
                goesOn = true
            }
        }
        #expect(budget.held <= 4 << 20 + accounts.count * piece)
        #expect(accounts.allSatisfy { $0.held == piece })
    }

    @Test func oneAloneHoldsNoMoreThanMakesItQuick() {
        let budget = ByteBudget(capacity: 64 << 20)
        let account = budget.account()
        while account.mayGoOn { account.hold(piece) }
        #expect(account.held == ByteBudget.mostEach)
    }

    @Test func atTheBudgetNobodyHoldsASecondPieceAndBelowItEverybodyMay() {
        let budget = ByteBudget(capacity: 2 * piece)
        let (first, second, third) = (budget.account(), budget.account(), budget.account())
        first.hold(piece)
        second.hold(piece - 1)
        #expect(budget.held == 2 * piece - 1)
        #expect(second.mayGoOn)
        second.hold(1)
        #expect(!first.mayGoOn && !second.mayGoOn)
        // Past it: who holds nothing goes on all the same.
        #expect(third.mayGoOn)
        third.hold(piece)
        #expect(budget.held == 3 * piece)
        #expect(!third.mayGoOn)
    }

    @Test func whoWaitsIsCalledByWhatItGivesBackItself() async throws {
        let budget = ByteBudget(capacity: piece)
        let (mine, others) = (budget.account(), budget.account())
        mine.hold(piece)
        others.hold(piece)
        async let settled: Void = mine.settle()
        mine.release(piece)
        try await settled
        #expect(mine.held == 0 && others.held == piece)
    }

    @Test func whoIsCancelledOrLosesItsConnectionWaitsNoLonger() async throws {
        let budget = ByteBudget(capacity: piece)
        let (cancelled, closed) = (budget.account(), budget.account())
        cancelled.hold(piece)
        closed.hold(piece)
        let task = Task { try await cancelled.settle() }
        task.cancel()
        await #expect(throws: CancellationError.self) { try await task.value }
        async let settled: Void = closed.settle()
        closed.close()
        try await settled
        #expect(budget.held == piece)
    }

    @Test func aLargerBudgetHoldsFromTheNextPieceOn() {
        let budget = ByteBudget(capacity: piece)
        let account = budget.account()
        account.hold(piece)
        #expect(!account.mayGoOn)
        budget.configure(capacity: 4 * piece)
        #expect(account.mayGoOn)
    }

    @Test func aConnectionReadsNoMoreUntilItsReaderHasTakenSomething() throws {
        let budget = ByteBudget(capacity: piece)
        let handler = ClientBudgetHandler(budget)
        let reads = ReadCount()
        let channel = EmbeddedChannel(handlers: [reads, handler])
        try channel.connect(to: .init(unixDomainSocketPath: "/nowhere")).wait()
        let before = reads.count
        try channel.writeInbound(HTTPResponsePart.body(ByteBuffer(repeating: 0, count: piece)))
        channel.read()
        #expect(reads.count == before)
        handler.taken.release(piece)
        channel.embeddedEventLoop.run()
        #expect(reads.count == before + 1)
        _ = try channel.finish(acceptAlreadyClosed: true)
        #expect(budget.held == 0)
    }

    @Test func whatIsHandedOverIsHeldUntilItHasLeft() throws {
        let budget = ByteBudget(capacity: piece)
        let handler = ClientBudgetHandler(budget)
        let channel = EmbeddedChannel(handler: handler)
        try channel.connect(to: .init(unixDomainSocketPath: "/nowhere")).wait()
        handler.handed.hold(piece)
        channel.write(HTTPRequestPart.body(ByteBuffer(repeating: 0, count: piece)), promise: nil)
        #expect(budget.held == piece)
        channel.flush()
        #expect(budget.held == 0)
        _ = try channel.finish(acceptAlreadyClosed: true)
    }
}

extension ByteBudget.Account {
    /// Whether more may be held now.
    fileprivate var mayGoOn: Bool { mayGoOn(orCall: {}) }
}

/// Counts what is asked of the socket.
private final class ReadCount: ChannelOutboundHandler {
    typealias OutboundIn = Never
    private(set) var count = 0

    func read(context: ChannelHandlerContext) {
        count += 1
        context.read()
    }
}
