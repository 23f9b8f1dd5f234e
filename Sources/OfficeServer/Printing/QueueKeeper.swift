import Logging
import OfficeCore
import OfficePrinting
import OfficeTrust
import ServiceLifecycle

/// This machine's queues: as CUPS has them, and which of them are the office's.
///
/// CUPS is asked once a second what changed, and for everything only where its stamps say so: that finds a cupsd that
/// was stopped, restarted or upgraded as well as a printer that jams, and nothing has to survive a restart.
actor QueueKeeper: Service {
    private static let interval = Duration.seconds(1)

    /// What members are told of a queue when only its state changed.
    private let scheduler: CUPSScheduler
    private let store: JobStore
    private let problems: ProblemBoard
    private let logger: Logger
    /// Rung when a queue, its state or who may use it changed.
    nonisolated let changes = Bell()
    private var queues: [Label: QueueDescription] = [:]
    private var stamps: [Label: Int32] = [:]
    private var shared: [Label: AccessList]
    /// Queues of the local CUPS that are none of this machine's printers: officeshare made them.
    private var foreign: Set<Label> = []
    private(set) var isReachable = false

    init(scheduler: CUPSScheduler, store: JobStore, problems: ProblemBoard, logger: Logger) async throws {
        self.scheduler = scheduler
        self.store = store
        self.problems = problems
        self.logger = logger
        shared = try await store.sharedQueues()
    }

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                await self.look()
                try await Task.sleep(for: Self.interval)
            }
        }
    }

    // MARK: Looking

    private func look() async {
        do throws(OfficeError) {
            try await update()
            if !isReachable { logger.info("CUPS is there") }
            isReachable = true
            problems.settle(.cupsMissing)
        } catch {
            guard error.code == .unavailable else {
                logger.debug("CUPS can't be asked", metadata: [LogKey.error: "\(error)"])
                return
            }
            if isReachable { logger.info("CUPS is gone", metadata: [LogKey.error: "\(error)"]) }
            if isReachable || !queues.isEmpty { changes.ring() }
            isReachable = false
            for name in queues.keys {
                queues[name]?.state = .stopped
                queues[name]?.reasons = ["cups-not-running"]
            }
            // Nobody misses it where no queue was ever shared.
            if !shared.isEmpty { problems.raise(.cupsMissing) }
        }
    }

    private func update() async throws(OfficeError) {
        let states = try await scheduler.states()
        let known = Set(stamps.keys)
        if !isReachable || known != Set(states.keys)
            || states.contains(where: { stamps[$0.key] != $0.value.stamps.configuration })
        {
            try await readAll()
            changes.ring()
            return
        }
        var isChanged = false
        for (name, state) in states {
            guard var queue = queues[name] else { continue }
            queue.state = state.state
            queue.accepting = state.accepting
            queue.reasons = state.reasons
            queue.stateMessage = state.message
            queue.jobs = state.jobs
            isChanged = isChanged || queues[name] != queue
            queues[name] = queue
        }
        if isChanged { changes.ring() }
    }

    private func readAll() async throws(OfficeError) {
        var read: [Label: QueueDescription] = [:]
        var found: [Label: Int32] = [:]
        foreign = []
        for queue in try await scheduler.queues() {
            let name = queue.description.name
            found[name] = queue.stamps.configuration
            if CUPSScheduler.isFromOfficeshare(queue.deviceURI) {
                foreign.insert(name)
            } else {
                read[name] = queue.description
            }
        }
        queues = read
        stamps = found
    }

    // MARK: Asking

    /// This machine's own, by name.
    var all: [QueueDescription] { queues.values.sorted { $0.name < $1.name } }
    /// The names of those that officeshare made here for other nodes' queues.
    var madeHere: Set<Label> { foreign }
    var sharedCount: Int { shared.count }

    subscript(name: Label) -> QueueDescription? { queues[name] }
    func access(to name: Label) -> AccessList? { shared[name] }

    /// What is told to one member: the queues its people may know of.
    func offers(for node: NodeID) -> [PeerQueue] {
        all.compactMap { queue in
            switch shared[queue.name]?.audience(on: node) {
            case .everyone: PeerQueue(description: queue, users: nil)
            case .users(let users) where !users.isEmpty: PeerQueue(description: queue, users: users.sorted())
            case .users, nil: nil
            }
        }
    }

    /// Whether anybody on that node may know of the queue.
    func isVisible(_ name: Label, to node: NodeID) -> Bool {
        switch shared[name]?.audience(on: node) {
        case .everyone: true
        case .users(let users): !users.isEmpty
        case nil: false
        }
    }

    /// What a principal may not know of is not found. A queue that is shared and not there now may come back: jobs for
    /// it are taken.
    func check(_ name: Label, for principal: Principal) throws(OfficeError) {
        guard shared[name]?.allows(principal) == true else { throw Self.unknown(name.description) }
    }

    static func unknown(_ name: String) -> OfficeError {
        OfficeError(
            .notFound, name, "there is no such printer", mend: "'officeshare printers' shows what there is.")
    }

    // MARK: Managing

    /// Offers a queue; the same again changes nothing.
    func share(_ name: Label, access: AccessList) async throws -> (description: QueueDescription, changed: Bool) {
        // It may have been made a moment ago.
        if queues[name] == nil { await look() }
        guard isReachable else {
            throw OfficeError(
                .unavailable, name.description, "CUPS can't be reached on this machine",
                mend: "Start it with 'systemctl start cups'.")
        }
        guard let queue = queues[name] else {
            guard !foreign.contains(name) else {
                throw OfficeError(
                    .notAllowed, name.description, "it is another node's printer already",
                    mend: "Share it on the machine that has it.")
            }
            throw OfficeError(
                .notFound, name.description, "this machine's CUPS has no such queue",
                mend: "'lpstat -e' shows which there are.")
        }
        guard shared[name] != access else { return (queue, false) }
        try await store.share(name, access: access)
        shared[name] = access
        changes.ring()
        return (queue, true)
    }

    func unshare(_ name: Label) async throws {
        guard shared[name] != nil else {
            throw OfficeError(
                .notFound, name.description, "this node doesn't share such a queue",
                mend: "'officeshare printers' shows which it does.")
        }
        try await store.share(name, access: nil)
        shared[name] = nil
        changes.ring()
        await removeGate(name)
    }

    /// A gate by which jobs still go stays: CUPS would cancel them. It is in nobody's way.
    private func removeGate(_ name: Label) async {
        do throws(OfficeError) {
            guard let gate = try await scheduler.states()[name]?.gate, gate.jobs == 0 else { return }
            try await scheduler.removeGate(name)
        } catch {
            logger.info("a queue's gate stays", metadata: [LogKey.error: "\(error)", LogKey.queue: "\(name)"])
        }
    }
}

extension ProblemBoard.Kind {
    static let cupsMissing = Self(
        "cups", what: "printing", why: "CUPS can't be reached on this machine, so its printers are away",
        mend: "Start it with 'systemctl start cups'.")
}
