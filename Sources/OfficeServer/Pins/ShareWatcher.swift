import Dispatch
import Logging
import NIOConcurrencyHelpers
import OfficeCore
import OfficeFolders

/// Watches the shares that others keep copies of, and tells when something in one has changed.
actor ShareWatcher {
    /// Changes that come together are told together.
    private static let breath = Duration.milliseconds(200)

    /// Shares whose contents have changed.
    nonisolated let changes = EventHub<Label>()
    private let mostDirectories: Int
    private let logger: Logger
    private let queue = DispatchQueue(label: "officeshare.watch", qos: .utility)
    private var watches: [Label: (folder: Folder, watch: FolderWatch)] = [:]
    private var told: Set<Label> = []

    init(mostDirectories: Int, logger: Logger) {
        self.mostDirectories = mostDirectories
        self.logger = logger
    }

    /// From now on changes in the share are told.
    func watch(_ share: Label, at folder: Folder) {
        // A share that was taken back and made anew may be of another folder.
        guard watches[share]?.folder !== folder else { return }
        do {
            let watch = try FolderWatch(folder, directories: mostDirectories, queue: queue) { [weak self] in
                Task { await self?.changed(share) }
            }
            watches[share] = (folder, watch)
        } catch {
            // Copies look for changes by themselves, too: only later.
            logger.warning(
                "changes in a share can't be watched",
                metadata: [LogKey.shareName: "\(share)", LogKey.error: "\(error)"])
        }
    }

    private func changed(_ share: Label) {
        guard told.insert(share).inserted else { return }
        Task {
            try? await Task.sleep(for: Self.breath)
            tell(share)
        }
    }

    private func tell(_ share: Label) {
        told.remove(share)
        changes.send(share)
    }
}
