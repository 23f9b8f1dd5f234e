import Logging
import NIOCore
import OfficeConfiguration
import OfficeControl
import OfficeCore
import OfficePrinting
import OfficeTransfer
import OfficeTrust
import ServiceLifecycle

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// Everything about printing on this node, made and tied together.
struct PrintHouse: Sendable {
    /// How long a queue may take to stop a job that is to go to another one.
    private static let patience = Duration.seconds(10)

    let office: OfficeKeeper
    let directory: PeerDirectory
    let keeper: QueueKeeper
    let received: ReceivedJobs
    let submitted: SubmittedJobs
    let board: JobBoard
    let carrier: PeerCarrier
    let store: JobStore
    let numbers: JobNumbers
    let scheduler: CUPSScheduler
    private let logger: Logger
    /// Queues of one other node that are kept.
    private static let mostQueues = 256

    /// Rung when queues of other nodes changed.
    let queuesChanged = Bell()
    /// Rung when any job known here changed.
    let jobsChanged: Bell
    /// The same of this node's own queues alone: what members are told.
    let receivedChanged: Bell

    let queueRunner: QueueRunner
    let deliveryRunner: DeliveryRunner
    let feedback: OwnFeedback
    let returns: ReturnWatch

    init(
        settings: Settings, office: OfficeKeeper, directory: PeerDirectory, pool: PeerPool, problems: ProblemBoard,
        presence: EventHub<NodeID>, logger: Logger
    ) async throws {
        let home = settings.stateDirectory
        let node = office.identity.id
        let limits = JobLimits(settings.printing)
        let scheduler = CUPSScheduler()
        let store = try JobStore(at: home + "/printing.sqlite")
        let spools = (
            received: try Spool(at: home + "/spool-received", limit: limits.spoolBytes),
            submitted: try Spool(at: home + "/spool-submitted", limit: limits.spoolBytes)
        )
        let (jobsChanged, receivedChanged) = (Bell(), Bell())
        let (queueWork, wakeQueue) = AsyncStream.makeStream(of: Label.self)
        let (deliveries, wakeDelivery) = AsyncStream.makeStream(of: SubmittedJobs.Destination.self)
        let received = try await ReceivedJobs(
            owner: node, store: store, spool: spools.received, limits: limits, logger: logger,
            changed: {
                receivedChanged.ring()
                jobsChanged.ring()
            }, hasWork: { wakeQueue.yield($0) })
        let submitted = try await SubmittedJobs(
            node: node, store: store, spool: spools.submitted, limits: limits, logger: logger,
            changed: { jobsChanged.ring() }, hasWork: { wakeDelivery.yield($0) })
        let keeper = try await QueueKeeper(scheduler: scheduler, store: store, problems: problems, logger: logger)
        let carrier = PeerCarrier(
            office: office, pool: pool, directory: directory, received: received, submittedSpool: spools.submitted,
            reading: WorkPool(threads: 2, syncThreads: 1))
        try await Self.recall(store, into: directory)
        self.logger = logger
        self.office = office
        self.directory = directory
        self.keeper = keeper
        self.received = received
        self.submitted = submitted
        self.carrier = carrier
        self.store = store
        numbers = JobNumbers(store: store)
        self.scheduler = scheduler
        self.jobsChanged = jobsChanged
        self.receivedChanged = receivedChanged
        board = JobBoard()
        queueRunner = QueueRunner(
            jobs: received, scheduler: scheduler, work: queueWork,
            nodeName: { report in await office.name(of: report.node) }, logger: logger)
        deliveryRunner = DeliveryRunner(jobs: submitted, carrier: carrier, work: deliveries, logger: logger)
        feedback = OwnFeedback(received: received, submitted: submitted, changes: receivedChanged)
        returns = ReturnWatch(submitted: submitted, presence: presence, wake: { wakeDelivery.yield($0) })
    }

    // MARK: Queues

    /// A queue that somebody here may use.
    struct Found: Sendable {
        var owner: NodeID
        var ownerName: Label
        var description: QueueDescription
        var isLocal: Bool
        var isShared: Bool
        var isOnline: Bool
        var path: String { "\(ownerName)/\(description.name)" }
    }

    /// The queues a user of this machine may use: its own, shared or not, and those that members offer.
    func queues(for user: String) async -> [Found] {
        let ownName = await office.ownName
        let own = office.identity.id
        var found: [Found] = []
        for queue in await keeper.all {
            found.append(
                Found(
                    owner: own, ownerName: ownName, description: queue, isLocal: true,
                    isShared: await keeper.access(to: queue.name) != nil, isOnline: true))
        }
        for (node, member) in await office.state?.members ?? [:] where node != own {
            guard let known = await directory[node] else { continue }
            for queue in known.queues where queue.isOpen(to: user) {
                found.append(
                    Found(
                        owner: node, ownerName: member.name, description: queue.description, isLocal: false,
                        isShared: true, isOnline: known.presence == .online))
            }
        }
        return found.sorted { $0.path < $1.path }
    }

    /// The queue of that path (`NODE/QUEUE`), or the user's default where none is given.
    func queue(_ path: String?, for caller: LocalCaller) async throws -> Found {
        let all = await queues(for: caller.userName)
        if let path {
            let parsed = try OfficePath(parsing: path)
            guard let name = parsed.share, parsed.path.isRoot else {
                throw OfficeError(
                    .malformed, path.escapedForTerminal, "a printer is named NODE/QUEUE",
                    mend: "'officeshare printers' shows what there is.")
            }
            guard let found = all.first(where: { $0.ownerName == parsed.node && $0.description.name == name }) else {
                throw QueueKeeper.unknown(path.escapedForTerminal)
            }
            return found
        }
        if let chosen = try await store.defaultQueue(of: caller.userID) {
            guard let found = all.first(where: { $0.owner == chosen.node && $0.description.name == chosen.queue })
            else {
                throw OfficeError(
                    .notFound, "\(await office.name(of: chosen.node))/\(chosen.queue)",
                    "your default printer isn't there any more",
                    mend: "Choose another with 'officeshare printer default NODE/QUEUE'.")
            }
            return found
        }
        guard all.count <= 1 else {
            throw OfficeError(
                .usage, "printer", "there are \(all.count) and you have no default",
                mend: "Add --to \(all[0].path), or choose one with 'officeshare printer default NODE/QUEUE'.")
        }
        guard let only = all.first else {
            throw OfficeError(
                .notFound, "printer", "there is none in the office",
                mend: "Share one with 'officeshare printer share QUEUE' on the machine that has it.")
        }
        return only
    }

    // MARK: Submitting

    /// Opens a job for a queue after checking that the queue can do what is asked for.
    func open(
        _ queue: Found, title: String, user: UserName, attributes: [IPPAttribute], format: String, isHeld: Bool,
        id: JobID = JobID()
    ) async throws -> PrintTicket {
        try JobAttributes.check(attributes, against: queue.description)
        let formats = queue.description.formats
        guard formats.isEmpty || format == DocumentFormat.unknown || formats.contains(format) else {
            throw OfficeError(
                .malformed, title.escapedForTerminal, "\(queue.path) can't print \(format)",
                mend: "It takes \(formats.filter { $0 != DocumentFormat.unknown }.prefix(8).joined(separator: ", ")).")
        }
        let ticket = PrintTicket(
            id: id, queue: queue.description.name,
            title: Sanitizer.text(title, most: PrintTicket.longestTitle) ?? "Untitled", user: user,
            format: "application/octet-stream", size: 0, attributes: JobAttributes.kept(of: attributes),
            submitted: .precise, isHeld: isHeld)
        try await submitted.open(ticket, to: queue.owner)
        return ticket
    }

    // MARK: Jobs

    /// All jobs that somebody here may see: their own, and those of the queues they may use.
    func jobs(for caller: LocalCaller) async -> [JobReport] {
        var reports: [JobID: JobReport] = [:]
        func add(_ report: JobReport) {
            if let known = reports[report.id], known.attempt > report.attempt { return }
            reports[report.id] = report
        }
        let visible = Set(await queues(for: caller.userName).map { Place(owner: $0.owner, queue: $0.description.name) })
        let own = office.identity.id
        // What the owner says counts for more than what was known here before.
        for report in await submitted.reports() where caller.manages || report.user.description == caller.userName {
            add(report)
        }
        for report in await board.all where visible.contains(Place(owner: report.owner, queue: report.queue)) {
            add(report)
        }
        for report in await received.reports()
        where caller.manages || report.node == own && report.user.description == caller.userName
            || visible.contains(Place(owner: own, queue: report.queue))
        {
            add(report)
        }
        return reports.values.sorted { ($0.submitted, $0.id) < ($1.submitted, $1.id) }
    }

    private struct Place: Hashable {
        var owner: NodeID
        var queue: Label
    }

    /// The job with that id, or whose id alone begins so.
    func job(_ text: String, for caller: LocalCaller) async throws -> JobReport {
        let begins = text.lowercased()
        let matching = await jobs(for: caller).filter { $0.id.description.hasPrefix(begins) }
        guard begins.utf8.count >= 4, matching.count == 1 else {
            throw matching.count > 1
                ? OfficeError(.malformed, begins.escapedForTerminal, "more than one job's id begins so")
                : OfficeError(
                    .notFound, begins.escapedForTerminal, "there is no such job",
                    mend: "'officeshare jobs --all' shows them.")
        }
        return matching[0]
    }

    /// Cancels, holds, releases or prints once more.
    func change(_ job: JobReport, _ change: JobChange, by caller: LocalCaller) async throws {
        let mayChange = job.node == office.identity.id && job.user.description == caller.userName
        if await submitted[job.id] != nil {
            guard mayChange || caller.manages else { throw Self.foreign(job) }
            try await changeSubmitted(job, change)
        } else if job.owner == office.identity.id {
            guard caller.manages else { throw Self.foreign(job) }
            _ = try await received.change(job.id, change, by: nil)
        } else {
            throw Self.foreign(job)
        }
    }

    /// Changes a job that was submitted here: here, or at its owner's.
    func changeSubmitted(_ job: JobReport, _ change: JobChange) async throws(OfficeError) {
        if try await submitted.changeHere(job.id, change) != nil { return }
        do throws(OfficeError) {
            let report = try await carrier.change(job.id, change, by: job.user, at: job.owner)
            await submitted.told(report, by: job.owner)
        } catch {
            guard change == .cancel, error.code == .unavailable || error.code == .temporary else { throw error }
            try await submitted.cancelLater(job.id)
        }
    }

    private static func foreign(_ job: JobReport) -> OfficeError {
        OfficeError(
            .notAllowed, job.id.description, "it is \(job.user)'s job",
            mend: "Its submitter and the owner of the queue can change it.")
    }

    /// Sends a job to another queue. One that its queue has already is canceled there first, and moves only when that
    /// is certain.
    func move(_ job: JobReport, to path: String, by caller: LocalCaller) async throws -> JobReport {
        let target = try await queue(path, for: caller)
        guard await submitted[job.id] != nil else {
            throw OfficeError(
                .notAllowed, job.id.description, "it was submitted on \(await office.name(of: job.node))",
                mend: "Move it there.")
        }
        guard job.node == office.identity.id && job.user.description == caller.userName || caller.manages else {
            throw Self.foreign(job)
        }
        guard job.state != .completed else {
            throw OfficeError(.notAllowed, job.id.description, "it is printed", mend: "Print the file again.")
        }
        try await submitted.beginMove(job.id)
        do {
            if await submitted[job.id]?.stage == .delivered { try await cancelForGood(job) }
            let report = try await submitted.move(
                job.id, to: .init(owner: target.owner, queue: target.description.name))
            await submitted.endMove(job.id)
            return report
        } catch {
            await submitted.endMove(job.id)
            throw error
        }
    }

    private func cancelForGood(_ job: JobReport) async throws {
        let changes = jobsChanged.listen()
        let report = try await carrier.change(job.id, .cancel, by: job.user, at: job.owner)
        await submitted.told(report, by: job.owner)
        let isCanceled = try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in changes {
                    if let now = await submitted[job.id]?.report.state, now.isFinal { return now == .canceled }
                }
                return false
            }
            group.addTask {
                try await Task.sleep(for: Self.patience)
                return false
            }
            defer { group.cancelAll() }
            if await submitted[job.id]?.report.state == .canceled { return true }
            return try await group.next() ?? false
        }
        guard isCanceled else {
            throw OfficeError(
                .temporary, job.id.description, "its queue couldn't cancel it, so it may be printed there",
                mend: "'officeshare jobs' shows how it stands.")
        }
    }

    // MARK: What nodes tell each other

    /// Reads back what members told before this node was last stopped: a job for a printer whose node is away is
    /// taken all the same.
    private static func recall(_ store: JobStore, into directory: PeerDirectory) async throws {
        for (node, text) in try await store.rememberedQueues() {
            guard let queues = try? JSONDecoder().decode([PeerQueue].self, from: Data(text.utf8)) else { continue }
            await directory.recall(queues, of: node)
        }
    }

    /// Forgets the queues of who is a member no longer.
    func forget(membersOtherThan members: Set<NodeID>) async {
        await board.forget(ownersOtherThan: members)
        queuesChanged.ring()
        for node in (try? await store.rememberedQueues().keys.filter({ !members.contains($0) })) ?? [] {
            try? await store.remember(nil, of: node)
        }
    }

    /// Jobs that are told to a member: those of the queues its people may know of, and its own.
    func reports(for node: NodeID, after version: Int? = nil) async -> [JobReport] {
        let all = if let version { await received.reports(after: version) } else { await received.reports() }
        var visible: [Label: Bool] = [:]
        var told: [JobReport] = []
        for report in all {
            if visible[report.queue] == nil { visible[report.queue] = await keeper.isVisible(report.queue, to: node) }
            if report.node == node || visible[report.queue] == true { told.append(report) }
        }
        return told
    }

    /// Queues as their owner tells them, of which only what is known here is kept.
    func take(_ queues: [PeerQueue], from node: NodeID) async {
        let bounded = queues.prefix(Self.mostQueues).map {
            PeerQueue(description: Sanitizer.sanitized($0.description), users: $0.users)
        }
        let before = await directory[node]?.queues ?? []
        await directory.queues(Array(bounded), of: node)
        queuesChanged.ring()
        guard bounded.map(\.lasting) != before.map(\.lasting) else { return }
        do {
            try await store.remember(
                String(decoding: try JSONEncoder().encode(Array(bounded)), as: UTF8.self), of: node)
        } catch {
            logger.warning("queues can't be remembered", metadata: [LogKey.error: "\(error)"])
        }
    }

    /// - Parameter version: Where these are all jobs: the owner's version from before it looked.
    func take(_ jobs: [JobReport], allAsOf version: Int?, from owner: NodeID) async {
        await board.take(jobs, whole: version != nil, from: owner)
        let ours = jobs.filter { $0.node == office.identity.id && $0.owner == owner }.map(\.bounded)
        if let version {
            await submitted.toldAll(ours, asOf: version, by: owner)
        } else {
            for report in ours { await submitted.told(report, by: owner) }
        }
        jobsChanged.ring()
    }
}

extension JobLimits {
    init(_ settings: Settings.Printing) {
        self.init(
            spoolBytes: Int64(settings.spoolMegabytes) << 20, documentBytes: Int64(settings.documentMegabytes) << 20,
            jobs: settings.jobs, retention: .seconds(settings.retentionHours * 3_600),
            retainedBytes: Int64(settings.retainedMegabytes) << 20)
    }
}
