import OfficeCore
import Testing

@testable import OfficeTransfer

/// Ten sources under a clock that is moved by hand, three of which are of no use.
@Suite struct CrowdTests {
    private enum Kind { case good, wrong, silent, slow }

    private struct Source {
        let kind: Kind
        /// Requests in their order, with the blocks that are still to come.
        var queue: [(request: Int, blocks: ArraySlice<Int>)] = []
        /// Parts of a block that it has sent.
        var sent = 0.0
        var heard = Duration.zero
    }

    private static let step = Duration.milliseconds(5)
    /// Blocks a second of a good one.
    private static let rate = 100.0

    /// How long `count` blocks take from these sources.
    private func time(of count: Int, from kinds: [Kind]) -> Duration {
        var scheduler = BlockScheduler(held: BlockSet(capacity: count))
        var sources = kinds.map { Source(kind: $0) }
        var now = Duration.zero
        for index in sources.indices { scheduler.added(index, now: now) }
        while !scheduler.isFinished, now < .seconds(600) {
            for action in scheduler.actions(now: now) {
                switch action {
                case .ask(let request):
                    if sources[request.source].queue.isEmpty { sources[request.source].heard = now }
                    sources[request.source].queue.append((request.id, request.ranges.flatMap { Array($0) }[...]))
                case .stop(let id): Self.end(id, &sources, &scheduler)
                }
            }
            now += Self.step
            for index in sources.indices { Self.advance(index, &sources, &scheduler, now) }
        }
        return now
    }

    /// What one source sends in a step. Who is silent for a second is waited for no longer, as `SwarmState` has it.
    private static func advance(
        _ index: Int, _ sources: inout [Source], _ scheduler: inout BlockScheduler, _ now: Duration
    ) {
        guard !sources[index].queue.isEmpty else { return }
        let kind = sources[index].kind
        guard kind != .silent else {
            if now - sources[index].heard > .seconds(1) { scheduler.stalled(index) }
            return
        }
        sources[index].sent += (kind == .slow ? rate / 100 : rate) * step.inSeconds
        while sources[index].sent >= 1, let first = sources[index].queue.first {
            guard let block = first.blocks.first else {
                end(first.request, &sources, &scheduler)
                continue
            }
            sources[index].sent -= 1
            sources[index].queue[0].blocks.removeFirst()
            if kind == .wrong {
                scheduler.rejected(block, of: first.request)
            } else {
                _ = scheduler.delivered(block, of: first.request, now: now)
            }
            if sources[index].queue[0].blocks.isEmpty { end(first.request, &sources, &scheduler) }
        }
    }

    private static func end(_ request: Int, _ sources: inout [Source], _ scheduler: inout BlockScheduler) {
        for index in sources.indices { sources[index].queue.removeAll { $0.request == request } }
        scheduler.ended(request)
    }

    @Test(arguments: [1_000, 2_000, 4_000]) func threeThatAreOfNoUseCostATenthAtMost(_ count: Int) {
        let good = [Kind](repeating: .good, count: 7)
        let alone = time(of: count, from: good)
        let ideal = Duration.seconds(Double(count) / (Self.rate * 7))
        #expect(alone < ideal * 11 / 10)
        // Whatever their places.
        for others in [[Kind.wrong, .silent, .slow] + good, good + [.slow, .silent, .wrong]] {
            let all = time(of: count, from: others)
            #expect(all < alone * 11 / 10, "\(all), and \(alone) without them")
        }
    }
}
