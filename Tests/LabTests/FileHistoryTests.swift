import OfficeLab
import Testing

/// The checker of recorded histories, over random schedules: what one server did is accepted, whatever overlapped and
/// whatever answer was lost, and what none can have done is refused.
@Suite struct FileHistoryTests {
    typealias Operation = FileHistory.Operation

    private static let seeds = UInt64(1)...60

    @Test(arguments: seeds) func whatOneServerDidIsAccepted(seed: UInt64) {
        var schedule = RandomSchedule(seed: seed)
        schedule.run(steps: 300)
        #expect(schedule.history.verdict() == .linearizable)
    }

    /// A content that was replaced, with the write that replaced it answered before, is read again.
    @Test(arguments: seeds) func aStaleReadIsRefused(seed: UInt64) throws {
        var schedule = RandomSchedule(seed: seed, hasMoves: false)
        schedule.run(steps: 200)
        let writes = schedule.history.operations.filter { $0.outcome == .done && $0.written != nil }
        var found: (index: Int, content: Int)?
        for (index, read) in schedule.history.operations.enumerated() where read.isRead {
            for old in writes where old.act.file == read.act.file {
                let isReplaced = writes.contains {
                    $0.act.file == old.act.file && $0.asked > old.answered && $0.answered < read.asked
                }
                if isReplaced { found = (index, try #require(old.written)) }
            }
        }
        let (index, content) = try #require(found, "no read came after two writes")
        var history = schedule.history
        history.operations[index] = history.operations[index].answering(.saw(content))
        history.expectImpossible()
    }

    @Test(arguments: seeds) func aContentFromNowhereIsRefused(seed: UInt64) throws {
        var schedule = RandomSchedule(seed: seed)
        schedule.run(steps: 200)
        var history = schedule.history
        let reads = history.operations.indices.filter { history.operations[$0].isRead }
        let index = try #require(reads.randomElement(using: &schedule.random))
        history.operations[index] = history.operations[index].answering(.saw(-1))
        history.expectImpossible()
    }

    /// At rest, a file that is there isn't found, or is found under two names.
    @Test(arguments: seeds) func aLostWriteIsRefused(seed: UInt64) throws {
        var schedule = RandomSchedule(seed: seed, losesAnswers: false)
        schedule.run(steps: 200)
        let file = 0
        schedule.perform(.put(file: file, content: 1_000_000), by: 0)
        var lost = schedule.history
        lost.operations.append(schedule.next(.read(file: file), .missing))
        lost.expectImpossible()
        var twice = schedule.history
        twice.operations.append(schedule.next(.read(file: file), .saw(1_000_000)))
        #expect(twice.verdict() == .linearizable)
        twice.operations.append(schedule.next(.read(file: 1), .saw(1_000_000)))
        twice.expectImpossible()
    }

    /// Against all orders of a few operations whose answers are anything.
    @Test(arguments: UInt64(1)...600) func itAgreesWithTryingEveryOrder(seed: UInt64) {
        var random = SeededGenerator(seed)
        let history = FileHistory(
            (0..<Int.random(in: 1...5, using: &random)).map { number in
                let asked = Int.random(in: 0...8, using: &random)
                let act = RandomSchedule.act(files: 2, content: number, contents: 5, hasMoves: true, &random)
                let outcomes: [FileHistory.Outcome] =
                    switch act {
                    case .read: [.missing, .saw(Int.random(in: 0...4, using: &random))]
                    case .remove, .move: [.done, .missing, .unknown]
                    case .put: [.done, .unknown]
                    case .create, .edit: [.done, .occupied, .unknown]
                    }
                return Operation(
                    client: number, act, outcomes.randomElement(using: &random) ?? .unknown, asked: .seconds(asked),
                    answered: .seconds(asked + Int.random(in: 0...4, using: &random)))
            })
        #expect((history.verdict() == .linearizable) == history.isExplained(), "\(history)")
    }

    @Test func anAcknowledgedContentHasToBeSomewhere() {
        var model = Acknowledged<String, Int>()
        model.wrote(1, in: "a")
        model.wrote(2, in: "a")
        model.wrote(3, in: "b")
        model.moved(from: "b", to: "c")
        #expect(model.lost(given: ["a": [1, 2], "c": [3]]).isEmpty)
        #expect(model.lost(given: ["a": [1], "b": [2, 3]]) == [.init(2, in: "a")])
        #expect(model.lost(given: [:]).count == 3)
    }
}

extension FileHistory {
    fileprivate func expectImpossible(sourceLocation: SourceLocation = #_sourceLocation) {
        guard case .impossible(let why) = verdict() else {
            Issue.record("\(verdict())", sourceLocation: sourceLocation)
            return
        }
        #expect(!why.isEmpty, sourceLocation: sourceLocation)
    }

    /// By trying every order of every choice of what was done.
    fileprivate func isExplained() -> Bool {
        func goesOn(_ left: [Operation], _ files: [Int: Int]) -> Bool {
            if left.allSatisfy({ $0.outcome == .unknown }) { return true }
            for (index, operation) in left.enumerated() {
                let mayBeNext = left.allSatisfy { $0.outcome == .unknown || $0.answered >= operation.asked }
                guard mayBeNext else { continue }
                var after = files
                let answer = operation.act.apply(to: &after)
                var rest = left
                rest.remove(at: index)
                if operation.outcome == .unknown || answer == operation.outcome, goesOn(rest, after) { return true }
            }
            return false
        }
        return goesOn(operations, [:])
    }
}

extension FileHistory.Operation {
    fileprivate var isRead: Bool { if case .read = act { true } else { false } }

    fileprivate var written: Int? {
        switch act {
        case .put(_, let content), .create(_, let content), .edit(_, _, let content): content
        case .read, .remove, .move: nil
        }
    }

    fileprivate func answering(_ outcome: FileHistory.Outcome) -> Self {
        Self(client: client, act, outcome, asked: asked, answered: answered)
    }
}

extension FileHistory.Act {
    fileprivate var file: Int? {
        switch self {
        case .put(let file, _), .create(let file, _), .edit(let file, _, _), .read(let file), .remove(let file): file
        case .move: nil
        }
    }
}
