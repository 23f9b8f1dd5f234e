import OfficeLab

/// Numbers that look random and are the same for the same seed (SplitMix64).
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(_ seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A server that does one thing at a time, and clients whose requests reach it at any time between being made and being
/// answered; some answers, and some requests, are lost on the way.
struct RandomSchedule {
    private static let files = 3
    private static let clients = 5

    /// How far a client is.
    private enum Stage {
        case idle
        case asked(FileHistory.Act, at: Int)
        case applied(FileHistory.Act, FileHistory.Outcome, asked: Int)
    }

    var random: SeededGenerator
    private(set) var history = FileHistory()
    private let hasMoves: Bool
    private let losesAnswers: Bool
    private var stages = [Stage](repeating: .idle, count: clients)
    /// Done, or to be done, long after nobody waits for it.
    private var stray: [FileHistory.Act] = []
    private var contents: [Int: Int] = [:]
    private var now = 0
    private var written = 0
    private var lost = 0

    init(seed: UInt64, hasMoves: Bool = true, losesAnswers: Bool = true) {
        random = SeededGenerator(seed)
        self.hasMoves = hasMoves
        self.losesAnswers = losesAnswers
    }

    /// Until everything that was begun in so many steps has come to its end.
    mutating func run(steps: Int) {
        for _ in 0..<steps { step(Int.random(in: 0..<Self.clients, using: &random)) }
        settle()
    }

    private mutating func settle() {
        for client in 0..<Self.clients {
            while true {
                if case .idle = stages[client] { break }
                step(client)
            }
        }
    }

    /// One operation alone.
    mutating func perform(_ act: FileHistory.Act, by client: Int) {
        history.operations.append(next(act, act.apply(to: &contents)))
    }

    /// An operation after all others.
    mutating func next(_ act: FileHistory.Act, _ outcome: FileHistory.Outcome) -> FileHistory.Operation {
        now += 2
        return .init(client: 0, act, outcome, asked: .seconds(now - 1), answered: .seconds(now))
    }

    private mutating func step(_ client: Int) {
        now += 1
        if !stray.isEmpty, Int.random(in: 0..<8, using: &random) == 0 { _ = stray.removeFirst().apply(to: &contents) }
        switch stages[client] {
        case .idle:
            written += 1
            let act = Self.act(
                files: Self.files, content: written, contents: written, hasMoves: hasMoves, &random)
            stages[client] = .asked(act, at: now)
        case .asked(let act, let asked):
            if loses() {
                // It arrives later, or never.
                if Bool.random(using: &random) { stray.append(act) }
                note(client, act, .unknown, asked)
            } else {
                stages[client] = .applied(act, act.apply(to: &contents), asked: asked)
            }
        case .applied(let act, let outcome, let asked): note(client, act, loses() ? .unknown : outcome, asked)
        }
    }

    /// Few enough that what may have been is no more than what can be looked at.
    private mutating func loses() -> Bool {
        guard losesAnswers, lost < 5, Int.random(in: 0..<15, using: &random) == 0 else { return false }
        lost += 1
        return true
    }

    private mutating func note(_ client: Int, _ act: FileHistory.Act, _ outcome: FileHistory.Outcome, _ asked: Int) {
        stages[client] = .idle
        history.operations.append(
            .init(client: client, act, outcome, asked: .seconds(asked), answered: .seconds(now)))
    }

    static func act(
        files: Int, content: Int, contents: Int, hasMoves: Bool, _ random: inout SeededGenerator
    ) -> FileHistory.Act {
        let file = Int.random(in: 0..<files, using: &random)
        switch Int.random(in: 0..<(hasMoves ? 12 : 10), using: &random) {
        case 0..<3: return .put(file: file, content: content)
        case 3: return .create(file: file, content: content)
        case 4: return .edit(file: file, base: Int.random(in: 0..<contents, using: &random), content: content)
        case 5..<9: return .read(file: file)
        case 9: return .remove(file: file)
        default: return .move(from: file, to: Int.random(in: 0..<files, using: &random))
        }
    }
}
