import Logging
import OfficeCore
import OfficeFolders
import OfficeStore
import OfficeTrust
import ServiceLifecycle

/// Keeps a node's file server true to the log, and its versions thin.
struct FileServerService: Service {
    /// How long a node that starts as the file server waits to hear from somebody whether it still is.
    private static let patience = Duration.seconds(3)
    private static let thinning = Duration.seconds(3600)
    /// How long an interrupted upload can be gone on with.
    private static let partialSeconds: Int64 = 14 * 24 * 60 * 60
    private static let retry = Duration.seconds(5)
    private static let preference = Duration.seconds(1)
    /// How long a conflict that was brought to an end is spoken of.
    private static let notices = Duration.seconds(10)

    let server: FileServer
    let office: OfficeKeeper
    let directory: PeerDirectory
    let links: PeerLinks
    let presence: EventHub<NodeID>
    let versionsBytes: Int64
    let logger: Logger
    /// What this clock said when the daemon was started: one that was set since is known by that.
    private let started = (time: FileTime.now.seconds, at: ContinuousClock.now)

    init(
        server: FileServer, office: OfficeKeeper, directory: PeerDirectory, links: PeerLinks,
        presence: EventHub<NodeID>, versionsBytes: Int64, logger: Logger
    ) {
        self.server = server
        self.office = office
        self.directory = directory
        self.links = links
        self.presence = presence
        self.versionsBytes = versionsBytes
        self.logger = logger
    }

    func run() async throws {
        let changes = office.changes.listen()
        let (arrivals, comings) = (presence.listen(), presence.listen())
        await withGracefulShutdownHandler {
            await withDiscardingTaskGroup { tasks in
                tasks.addTask {
                    await server.adopt()
                    await hearOthers(arrivals)
                    await server.settle()
                }
                tasks.addTask { await missOthers(comings) }
                tasks.addTask { await every(Self.retry) { await server.offerLeftStore() } }
                tasks.addTask {
                    await every(Self.retry) {
                        await server.checkStore()
                        if await server.failure != nil { await server.adopt() }
                    }
                }
                tasks.addTask { await every(Self.preference) { await prefer() } }
                tasks.addTask { await every(Self.retry) { await server.freeLocks(unlessOf: present()) } }
                tasks.addTask { await every(Self.thinning) { await thin() } }
                tasks.addTask { await every(Self.notices) { await server.lookAtNotices() } }
                for await _ in changes.cancelOnGracefulShutdown() { await server.adopt() }
                tasks.cancelAll()
            }
        } onGracefulShutdown: {
        }
    }

    /// A server that was away may have been replaced. It asks all whom it reaches before it serves a write; where it
    /// reaches nobody within its patience, it is what its log says.
    private func hearOthers(_ arrivals: AsyncStream<NodeID>) async {
        guard await office.state?.fileServer?.setting.nodes.contains(office.identity.id) == true,
            await !office.otherMembers().isEmpty
        else { return }
        // Who came before this listened.
        for node in await office.otherMembers() where await directory[node]?.presence == .online {
            return await links.catchUp(with: node)
        }
        await withTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try? await Task.sleep(for: Self.patience) }
            tasks.addTask {
                for await node in arrivals where await directory[node]?.presence == .online {
                    return await links.catchUp(with: node)
                }
            }
            await tasks.next()
            tasks.cancelAll()
        }
    }

    /// Where several nodes serve the store, one is asked that is there.
    private func prefer() async {
        let nodes = await office.state?.fileServer?.setting.nodes ?? []
        guard nodes.count > 1 else { return await office.prefer(nil) }
        for node in nodes where await directory[node]?.presence == .online || node == office.identity.id {
            return await office.prefer(node)
        }
    }

    private func present() async -> Set<String> {
        var present: Set = [office.identity.id.short]
        for node in await office.otherMembers() where await directory[node]?.presence == .online {
            present.insert(node.short)
        }
        return present
    }

    /// Tells the file server who isn't there any more.
    private func missOthers(_ comings: AsyncStream<NodeID>) async {
        for await node in comings {
            let presence = await directory[node]?.presence
            if presence == .offline || presence == .gone { await server.lost(node) }
        }
    }

    private func every(_ interval: Duration, _ body: () async -> Void) async {
        while (try? await Task.sleep(for: interval)) != nil { await body() }
    }

    private func thin() async {
        let serving = try? await server.current(nil)
        let following = await server.follower.store
        guard let store = serving?.store ?? following else { return }
        let fence = server.fence
        let (most, logger) = (versionsBytes, logger)
        let clocks = await directory.clocks() + [started.time + (ContinuousClock.now - started.at).components.seconds]
        let now = ClockCheck.earliest(now: FileTime.now.seconds, others: clocks)
        await server.onDisk {
            for space in store.spaces {
                do throws(OfficeError) {
                    let before = FileTime(seconds: now - Self.partialSeconds, nanoseconds: 0)
                    _ = try (space.folder.staging ?? space.folder).removeLeftovers(before: before)
                    let count = try space.thin(most: most, now: now) { () throws(OfficeError) in
                        // Nothing goes while the store is copied.
                        if let serving { try fence.check(serving.epoch, writing: true) }
                    }
                    if count > 0 {
                        logger.info(
                            "thinned out old versions",
                            metadata: [LogKey.shareName: "\(space.name)", LogKey.count: "\(count)"])
                    }
                } catch {
                    logger.warning(
                        "old versions can't be thinned out",
                        metadata: [LogKey.shareName: "\(space.name)", LogKey.error: "\(error)"])
                }
            }
        }
    }
}
