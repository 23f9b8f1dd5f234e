import OfficeTransfer
import ServiceLifecycle

/// Gives the disk back what nobody has asked for in a while.
struct PassingUpkeep: Service {
    private static let interval = Duration.seconds(60)
    /// Longer than an owner tells others of who has read.
    private static let age = Duration.seconds(180)

    let cache: BlockCache

    func run() async throws {
        try? await cancelWhenGracefulShutdown {
            while true {
                try await Task.sleep(for: Self.interval)
                cache.forget(unusedFor: Self.age)
            }
        }
    }
}
