/// Looks for an order of operations that explains all their answers: the search of Wing and Gong (1993), which never looks
/// at one situation twice (Lowe 2017). A situation is what has been done, and what the files are by it.
struct Linearization {
    private struct Situation: Hashable {
        var done: [UInt64]
        var files: [Int: Int]

        func has(_ index: Int) -> Bool { done[index / 64] & (1 << UInt64(index % 64)) != 0 }
    }

    /// One way on from a situation, and those that were not tried yet.
    private struct Step {
        let situation: Situation
        var choices: [Int]
    }

    /// By when they were asked for.
    private let operations: [FileHistory.Operation]
    private let effort: Int
    private var seen: Set<Situation> = []
    /// The situation that explains most, for people.
    private var best: (count: Int, situation: Situation)

    init(_ operations: [FileHistory.Operation], effort: Int) {
        // A read that nobody heard of says nothing.
        self.operations = operations.filter { operation in
            if case .read = operation.act { operation.outcome != .unknown } else { true }
        }.sorted { $0.asked < $1.asked }
        self.effort = effort
        let none = [UInt64](repeating: 0, count: self.operations.count / 64 + 1)
        best = (-1, Situation(done: none, files: [:]))
    }

    mutating func verdict() -> FileHistory.Verdict {
        var way = [step(best.situation)]
        while let last = way.indices.last {
            if isExplained(way[last].situation) { return .linearizable }
            guard let choice = way[last].choices.popLast() else {
                way.removeLast()
                continue
            }
            guard let next = situation(after: way[last].situation, choice), seen.insert(next).inserted else { continue }
            guard seen.count <= effort else { return .undecided }
            way.append(step(next))
        }
        return .impossible(explanation)
    }

    /// What may come next, the likeliest last: what nobody has begun after another had ended.
    private mutating func step(_ situation: Situation) -> Step {
        var choices: [Int] = []
        var end = Duration.seconds(Int64.max)
        var count = 0
        for (index, operation) in operations.enumerated() {
            if situation.has(index) {
                count += 1
                continue
            }
            // Only what was asked for later is behind it, and that may not come before what was answered by then.
            if operation.asked > end { break }
            end = min(end, operation.end)
            choices.append(index)
        }
        if count > best.count { best = (count, situation) }
        choices.sort { operations[$0].end > operations[$1].end }
        return Step(situation: situation, choices: choices)
    }

    /// Whether only what may never have been done is left.
    private func isExplained(_ situation: Situation) -> Bool {
        operations.indices.allSatisfy { situation.has($0) || operations[$0].outcome == .unknown }
    }

    /// nil where one server wouldn't have answered so.
    private func situation(after before: Situation, _ index: Int) -> Situation? {
        let operation = operations[index]
        var next = before
        next.done[index / 64] |= 1 << UInt64(index % 64)
        let answer = operation.act.apply(to: &next.files)
        guard operation.outcome == .unknown || answer == operation.outcome else { return nil }
        return next
    }

    private var explanation: String {
        let left = operations.indices.filter { !best.situation.has($0) }.prefix(8).map { "\(operations[$0])" }
        return "after \(best.count) of \(operations.count), with \(best.situation.files):\n"
            + left.joined(separator: "\n")
    }
}
