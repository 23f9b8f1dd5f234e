/// What several clients did to a few files of one space, and when: recorded from outside, to be held against what one
/// file server may do.
///
/// Files and what is written into them are numbers; nothing is written twice, so that whoever reads a content tells whose
/// write it saw. Pure.
package struct FileHistory: Sendable {
    package enum Act: Sendable, Hashable {
        /// Replaces what is there (`put --force`).
        case put(file: Int, content: Int)
        /// Only where nothing is (`put`).
        case create(file: Int, content: Int)
        /// Of what was made from `base` (`put` of a file that knows it): replaces that alone, and takes a free name.
        case edit(file: Int, base: Int, content: Int)
        case read(file: Int)
        case remove(file: Int)
        /// Replaces what is there (`mv --force`).
        case move(from: Int, to: Int)
    }

    package enum Outcome: Sendable, Hashable {
        case done
        /// Of a read.
        case saw(Int)
        /// There was nothing of that name.
        case missing
        /// Something is there: of an edit, what it was not made from. It was kept beside that.
        case occupied
        /// Nobody knows whether it was done, or will be: its answer was lost.
        case unknown
    }

    /// One operation. What was refused without having been done is none.
    package struct Operation: Sendable, Hashable {
        package let client: Int
        package let act: Act
        package let outcome: Outcome
        /// When it was asked for, and when it was answered, by one clock that never goes back: it took effect between.
        package let asked: Duration
        package let answered: Duration

        package init(client: Int, _ act: Act, _ outcome: Outcome, asked: Duration, answered: Duration) {
            self.client = client
            self.act = act
            self.outcome = outcome
            self.asked = asked
            self.answered = answered
        }

        /// After which it can't take effect any more.
        var end: Duration { outcome == .unknown ? .seconds(Int64.max / 2) : answered }
    }

    package var operations: [Operation]

    package init(_ operations: [Operation] = []) { self.operations = operations }

    package enum Verdict: Sendable, Equatable {
        /// There is an order of all operations, each between its beginning and its end, in which every answer is right.
        case linearizable
        /// There is none; with what could be explained longest, for people.
        case impossible(String)
        /// Too much happened at once to tell.
        case undecided
    }

    /// Whether one server, doing one thing at a time, could have given all these answers.
    ///
    /// - Parameter effort: Situations that are looked at, in every group of files that moves connect.
    package func verdict(effort: Int = 2_000_000) -> Verdict {
        for group in groups {
            var search = Linearization(group, effort: effort)
            let verdict = search.verdict()
            guard verdict == .linearizable else { return verdict }
        }
        return .linearizable
    }

    /// What happens to files that nothing moves between is independent: a history is linearizable if each part of it is
    /// (Herlihy and Wing 1990, theorem 1).
    private var groups: [[Operation]] {
        var roots: [Int: Int] = [:]
        func root(of file: Int) -> Int {
            var file = file
            while let next = roots[file], next != file { file = next }
            return file
        }
        for operation in operations {
            let files = operation.act.files
            for file in files { roots[root(of: file)] = root(of: files[0]) }
        }
        let groups = Dictionary(grouping: operations) { root(of: $0.act.files[0]) }
        return groups.keys.sorted().compactMap { groups[$0] }
    }
}

extension FileHistory.Act {
    /// Never empty.
    var files: [Int] {
        switch self {
        case .put(let file, _), .create(let file, _), .edit(let file, _, _), .read(let file), .remove(let file): [file]
        case .move(let from, let to): [from, to]
        }
    }

    /// What one server that has these files answers; they are as it leaves them.
    package func apply(to files: inout [Int: Int]) -> FileHistory.Outcome {
        switch self {
        case .put(let file, let content):
            files[file] = content
            return .done
        case .create(let file, let content):
            guard files[file] == nil else { return .occupied }
            files[file] = content
            return .done
        case .edit(let file, let base, let content):
            guard files[file] == nil || files[file] == base else { return .occupied }
            files[file] = content
            return .done
        case .read(let file): return files[file].map { .saw($0) } ?? .missing
        case .remove(let file): return files.removeValue(forKey: file) == nil ? .missing : .done
        case .move(let from, let to):
            guard let content = files[from] else { return .missing }
            if from != to { files[from] = nil }
            files[to] = content
            return .done
        }
    }
}

extension FileHistory.Operation: CustomStringConvertible {
    package var description: String { "client \(client): \(act): \(outcome), from \(asked) to \(answered)" }
}
