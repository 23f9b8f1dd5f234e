import CLinux
import OfficeCore

/// Lets so many share exchanges run at once that their files stay below `limits.openFiles`. Those beyond wait
/// their turn; when too many wait, or one too long, it is refused by `.limit`, which means: the same again later.
actor ExchangeGate {
    /// Files one exchange is reckoned to hold open: the one it reads, and a batch that is being committed.
    static let filesPerExchange = 8

    /// How long after an exchange what it took is given back, if nothing runs then.
    private static let rest = Duration.seconds(2)

    private var places: Int
    private var patience: Duration
    private var mostWaiting: Int { places * 4 }
    private var taken = 0
    private var nextTicket = 0
    private var trimming: Task<Void, Never>?
    private var waiting: [(ticket: Int, continuation: CheckedContinuation<Bool, Never>)] = []

    init(openFiles: Int, patience: Duration) {
        places = max(1, openFiles / Self.filesPerExchange)
        self.patience = patience
    }

    /// Other limits: who waits and has a place now goes on, who runs already is let be.
    func configure(openFiles: Int, patience: Duration) {
        places = max(1, openFiles / Self.filesPerExchange)
        self.patience = patience
        while taken < places, !waiting.isEmpty {
            taken += 1
            waiting.removeFirst().continuation.resume(returning: true)
        }
    }

    /// Exchanges that run now.
    var running: Int { taken }

    /// Runs `body` when there is a place for it.
    func run<Answer: Sendable>(_ body: @Sendable () async throws -> Answer) async throws -> Answer {
        try await enter()
        defer { leave() }
        return try await body()
    }

    private func enter() async throws {
        if taken < places {
            taken += 1
            return
        }
        guard waiting.count < mostWaiting else { throw refusal }
        nextTicket += 1
        let ticket = nextTicket
        let patience = patience
        let timer = Task {
            try await Task.sleep(for: patience)
            self.give(up: ticket)
        }
        let admitted = await withTaskCancellationHandler {
            await withCheckedContinuation { waiting.append((ticket, $0)) }
        } onCancel: {
            Task { await self.give(up: ticket) }
        }
        timer.cancel()
        guard admitted else { throw refusal }
    }

    private func give(up ticket: Int) {
        guard let place = waiting.firstIndex(where: { $0.ticket == ticket }) else { return }
        waiting.remove(at: place).continuation.resume(returning: false)
    }

    /// The place goes to who waits longest.
    private func leave() {
        guard waiting.isEmpty || taken > places else {
            waiting.removeFirst().continuation.resume(returning: true)
            return
        }
        taken -= 1
        if taken == 0, trimming == nil {
            trimming = Task {
                try? await Task.sleep(for: Self.rest)
                self.trim()
            }
        }
    }

    /// What the buffers of a large transfer took is given back once nothing moves. Not at once: where many short exchanges
    /// follow each other, all that was given back would be faulted in anew each time.
    private func trim() {
        trimming = nil
        if taken == 0 { os_trim_memory() }
    }

    private var refusal: OfficeError {
        OfficeError(
            .limit, "this node", "\(places) transfers run on it already, the most its open files allow",
            mend: "Run the same again later, or raise 'limits.openFiles' in its configuration.")
    }
}
