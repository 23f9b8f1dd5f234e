import OfficeCore
import Testing

@testable import OfficeTransfer

/// Many readers of one content at once, in a model of the office without network or time of its own: how often its owner
/// has to send what.
struct SharingTests {
    /// Readers that know of each other, and an owner that sends one block a tick.
    private struct Model {
        struct Reader {
            let key: UInt64
            var scheduler: BlockScheduler
            /// The other readers, as sources from 1 on.
            var sources: [Int] = []
            var flights: [(request: BlockScheduler.Request, rest: [Int])] = []
            var begins: Int
            var isGone = false
            /// What it sends in a tick.
            var speed = 4
        }

        let blocks: Int
        var readers: [Reader]
        var now = Duration.zero
        /// Blocks that the owner sent.
        var sent = 0
        var turn = 0

        init(readers count: Int, blocks: Int, apart: Int = 0) {
            self.blocks = blocks
            readers = (0..<count).map {
                Reader(
                    key: UInt64($0 + 1) &* 0x1234_5678_9ABC_DEF1,
                    scheduler: BlockScheduler(held: BlockSet(capacity: blocks)), begins: $0 * apart)
            }
        }

        private func isReading(_ reader: Int, at tick: Int) -> Bool {
            tick >= readers[reader].begins && !readers[reader].isGone
        }

        /// Who reads hears of who else does, a little later.
        private mutating func meet(_ tick: Int) {
            for me in readers.indices where isReading(me, at: tick) {
                if readers[me].sources.isEmpty {
                    readers[me].scheduler.added(BlockScheduler.owner, now: now)
                    readers[me].scheduler.share(as: readers[me].key, now: now)
                    readers[me].sources = [me]
                }
                guard tick % 20 == me % 20 else { continue }
                for other in readers.indices where other != me && isReading(other, at: tick) {
                    let place = readers[me].sources.firstIndex(of: other) ?? readers[me].sources.count
                    if place == readers[me].sources.count {
                        readers[me].sources.append(other)
                        readers[me].scheduler.added(place, now: now)
                    }
                    readers[me].scheduler.holder(
                        place, key: readers[other].key, isReading: !readers[other].scheduler.isFinished)
                }
            }
        }

        private mutating func ask(_ me: Int) {
            for action in readers[me].scheduler.actions(now: now) {
                guard case .ask(let request) = action else { continue }
                readers[me].flights.append((request, Array(request.ranges.joined())))
            }
        }

        private mutating func end(_ me: Int, _ flight: Int) {
            let ended = readers[me].flights.remove(at: flight)
            let (source, held) = (ended.request.source, readers[me].scheduler.held)
            readers[me].scheduler.ended(ended.request.id)
            guard source != BlockScheduler.owner else { return }
            readers[me].scheduler.lacked(ended.request.ranges.joined().filter { !held.contains($0) }, by: source)
        }

        /// The owner's next block goes to whoever's turn it is.
        private mutating func sendFromOwner() {
            for step in readers.indices {
                let me = (turn + step) % readers.count
                guard
                    let flight = readers[me].flights.firstIndex(where: { $0.request.source == BlockScheduler.owner })
                else { continue }
                let block = readers[me].flights[flight].rest.removeFirst()
                let request = readers[me].flights[flight].request
                _ = readers[me].scheduler.delivered(block, of: request.id, now: now)
                sent += 1
                if readers[me].flights[flight].rest.isEmpty { end(me, flight) }
                turn = me + 1
                return
            }
        }

        private mutating func sendFromHolders(_ me: Int) {
            for flight in readers[me].flights.indices.reversed() {
                let request = readers[me].flights[flight].request
                guard request.source != BlockScheduler.owner else { continue }
                let other = readers[me].sources[request.source]
                guard !readers[other].isGone else {
                    readers[me].scheduler.removed(request.source)
                    readers[me].flights.remove(at: flight)
                    continue
                }
                let held = readers[other].scheduler.held
                readers[me].scheduler.has(request.source, held)
                for block in readers[me].flights[flight].rest.filter(held.contains).prefix(readers[other].speed) {
                    readers[me].flights[flight].rest.removeAll { $0 == block }
                    _ = readers[me].scheduler.delivered(block, of: request.id, now: now)
                }
                if readers[me].flights[flight].rest.isEmpty || readers[other].scheduler.isFinished {
                    end(me, flight)
                }
            }
        }

        /// Until all have it; ticks of 5 ms.
        mutating func run(limit: Int = 100_000, _ each: (inout Model, Int) -> Void = { _, _ in }) async -> Int {
            for tick in 0..<limit {
                now = .milliseconds(5 * tick)
                // Others' time isn't of the model.
                await Task.yield()
                each(&self, tick)
                meet(tick)
                for me in readers.indices where isReading(me, at: tick) { ask(me) }
                sendFromOwner()
                for me in readers.indices where isReading(me, at: tick) { sendFromHolders(me) }
                if readers.allSatisfy({ $0.isGone || $0.scheduler.isFinished }) { return tick }
            }
            return limit
        }
    }

    @Test(arguments: [2, 6, 20]) func theOwnerSendsEachBlockAboutOnce(_ count: Int) async {
        var model = Model(readers: count, blocks: 256)
        let ticks = await model.run()
        #expect(model.readers.allSatisfy { $0.scheduler.isFinished })
        #expect(model.sent <= 256 * 5 / 4, "\(model.sent) blocks")
        #expect(ticks <= 256 * 3 / 2, "\(ticks) ticks")
    }

    @Test func whoComesLaterIsServedByThoseBefore() async {
        var model = Model(readers: 10, blocks: 512, apart: 100)
        _ = await model.run()
        #expect(model.readers.allSatisfy { $0.scheduler.isFinished })
        #expect(model.sent <= 512 * 3 / 2, "\(model.sent) blocks")
    }

    @Test func whoLeavesInTheMiddleHoldsNobodyUp() async {
        var model = Model(readers: 6, blocks: 512)
        let ticks = await model.run { model, tick in
            if tick == 200 { for gone in 0..<2 { model.readers[gone].isGone = true } }
        }
        #expect(model.readers.dropFirst(2).allSatisfy { $0.scheduler.isFinished })
        #expect(model.sent <= 512 * 3 / 2, "\(model.sent) blocks")
        #expect(ticks <= 512 * 2, "\(ticks) ticks")
    }

    /// Who reads, too, says what it has with every answer: it is seldom asked for that alone.
    @Test func readersAreLookedAtLessOften() {
        func looks(isReading: Bool) -> Int {
            var scheduler = BlockScheduler(held: BlockSet(capacity: 64))
            scheduler.added(BlockScheduler.owner, now: .zero)
            scheduler.share(as: 1, now: .zero)
            scheduler.added(1, now: .zero)
            scheduler.holder(1, key: 2, isReading: isReading)
            scheduler.has(1, BlockSet(capacity: 64))
            scheduler.lacked(0..<64, by: 1)
            var looks = 0
            for tick in 0..<100 {
                for case .ask(let request) in scheduler.actions(now: .milliseconds(100 * tick))
                where request.source == 1 && request.ranges.isEmpty {
                    looks += 1
                    scheduler.ended(request.id)
                }
            }
            return looks
        }
        #expect(looks(isReading: true) > 0)
        #expect(looks(isReading: false) > 3 * looks(isReading: true))
    }

    @Test func oneAloneGetsAllFromTheOwner() async {
        var model = Model(readers: 1, blocks: 512)
        _ = await model.run()
        #expect(model.sent == 512)
    }
}
