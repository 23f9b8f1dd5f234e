import Dispatch
import Logging
import OfficeCore
import OfficeFolders
import ServiceLifecycle

/// Clears away, once a day, the hidden partial files of uploads that nobody went on with.
struct Upkeep: Service {
    private static let interval = Duration.seconds(24 * 60 * 60)
    /// How long an interrupted upload can be gone on with, in seconds.
    private static let keepSeconds: Int64 = 14 * 24 * 60 * 60

    let shares: ShareKeeper
    let logger: Logger
    private let queue = DispatchQueue(label: "officeshare.upkeep", qos: .background)

    init(shares: ShareKeeper, logger: Logger) {
        self.shares = shares
        self.logger = logger
    }

    func run() async throws {
        // Stopped in the middle of its day, it ends well.
        try? await cancelWhenGracefulShutdown {
            while true {
                for (name, folder) in await shares.writableFolders() { await sweep(name, folder) }
                try await Task.sleep(for: Self.interval)
            }
        }
    }

    /// On a thread that may block.
    private func sweep(_ name: Label, _ folder: Folder) async {
        let removed = await withCheckedContinuation { continuation in
            queue.async {
                let now = FileTime.now
                let before = FileTime(seconds: now.seconds - Self.keepSeconds, nanoseconds: now.nanoseconds)
                continuation.resume(returning: Result { try folder.removeLeftovers(before: before) })
            }
        }
        switch removed {
        case .success(0): break
        case .success(let count):
            logger.info(
                "cleared away uploads that nobody went on with",
                metadata: [LogKey.shareName: "\(name)", LogKey.count: "\(count)"])
        case .failure(let error):
            logger.warning(
                "a share can't be cleared", metadata: [LogKey.shareName: "\(name)", LogKey.error: "\(error)"])
        }
    }
}
