import Logging
import OfficeCore
import OfficePrinting
import ServiceLifecycle

/// Keeps a queue in this machine's CUPS for every printer of the other members, so that every program can print there.
///
/// They are permanent: a printer whose node is away is still there and takes jobs. They go with the offer, with the
/// member, or when nobody wants them (`printing.localQueues`).
struct LocalQueues: Service {
    /// How long a change is waited for that tells more of the same.
    private static let settle = Duration.milliseconds(200)
    /// After a failure; CUPS that was away is found again so.
    private static let retry = Duration.seconds(5)

    let house: PrintHouse
    let problems: ProblemBoard
    /// The endpoint's port; nil where there is none, or where no queues are wanted.
    let port: UInt16?
    /// Waits until the endpoint listens: CUPS asks it while a queue is made.
    let listening: Gate
    let logger: Logger

    func run() async throws {
        let doorbell = Doorbell()
        await withTaskGroup(of: Void.self) { group in
            for bell in [house.queuesChanged.listen(), house.keeper.changes.listen()] {
                group.addTask { for await _ in bell { doorbell.ring() } }
            }
            group.addTask {
                await cancelWhenGracefulShutdown { await keep(doorbell) }
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func keep(_ doorbell: Doorbell) async {
        if port != nil { await listening.wait() }
        var made: [Label: Made] = [:]
        var isResumed = false
        while !Task.isCancelled {
            if !isResumed { isResumed = await resume() }
            let isDone = await reconcile(&made)
            _ = await doorbell.wait(for: isDone ? nil : Self.retry)
            try? await Task.sleep(for: Self.settle)
        }
    }

    /// Resumes the local queues that CUPS stopped: it does so, for good and under every error policy, where this daemon
    /// went away in mid-document. Done once after each start, so that what somebody pauses later stays paused.
    private func resume() async -> Bool {
        guard await house.keeper.isReachable, let states = try? await house.scheduler.states() else { return false }
        for name in await house.keeper.madeHere where states[name]?.state == .stopped {
            do {
                try await house.scheduler.resumeQueue(name)
                logger.info("A queue that CUPS had stopped was resumed", metadata: [LogKey.queue: "\(name)"])
            } catch {
                logger.warning(
                    "a stopped queue can't be resumed", metadata: [LogKey.queue: "\(name)", LogKey.error: "\(error)"])
            }
        }
        return true
    }

    /// What a queue was made from: when that changes it is made anew.
    private struct Made: Equatable {
        var plan: CUPSQueuePlan
        var description: QueueDescription
    }

    /// Makes the local queues what they should be; false where something has to be tried again.
    private func reconcile(_ made: inout [Label: Made]) async -> Bool {
        guard await house.keeper.isReachable else {
            // Rung again when it is there.
            made = [:]
            return true
        }
        let wanted = await wanted()
        let there = await house.keeper.madeHere
        var isDone = true
        for name in there where wanted[name] == nil {
            do {
                try await house.scheduler.removeQueue(name)
                made[name] = nil
                logger.info("A queue was taken from CUPS", metadata: [LogKey.queue: "\(name)"])
            } catch {
                isDone = refused(error, name) && isDone
            }
        }
        for (name, want) in wanted.sorted(by: { $0.key < $1.key }) where made[name] != want || !there.contains(name) {
            do {
                try await house.scheduler.addQueue(want.plan)
                made[name] = want
                problems.settle(Self.problem(name, ""))
                logger.info("A queue was made in CUPS", metadata: [LogKey.queue: "\(name)"])
            } catch {
                isDone = refused(error, name) && isDone
            }
        }
        return isDone
    }

    private func wanted() async -> [Label: Made] {
        guard let port else { return [:] }
        var wanted: [Label: Made] = [:]
        for queue in await house.deskQueues() {
            guard let name = try? Label(queue.localName) else { continue }
            let what = queue.description.info ?? queue.description.model ?? queue.description.name.description
            let plan = CUPSQueuePlan(
                name: name, deviceURI: "ipp://localhost:\(port)/printers/\(name)",
                info: "\(what) on \(queue.ownerName)",
                location: queue.description.location ?? "", edition: queue.description.edition)
            wanted[name] = Made(plan: plan, description: PeerQueue(description: queue.description).lasting.description)
        }
        return wanted
    }

    /// Says why a queue can't be made or taken away; whether trying again is of no use.
    private func refused(_ error: any Error, _ name: Label) -> Bool {
        logger.warning(
            "CUPS refused a queue of the office", metadata: [LogKey.queue: "\(name)", LogKey.error: "\(error)"])
        guard let error = error as? OfficeError else { return false }
        problems.raise(Self.problem(name, error.why, mend: error.mend))
        return false
    }

    private static func problem(_ name: Label, _ why: String, mend: String? = nil) -> ProblemBoard.Kind {
        .init(
            "queue:\(name)", what: name.description, why: "this machine's CUPS has no queue for it: \(why)",
            mend: mend
                ?? "Let the service manage queues with 'usermod -aG lpadmin officeshare' and restart it, or turn them off by 'printing.localQueues'."
        )
    }
}
