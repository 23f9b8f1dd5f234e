import OfficeCore
import OfficeFolders
import Synchronization

/// Files that are complete and wait for their fsync: many wait together, each then gets its name by one rename,
/// and only after its folder is synced too does it count.
///
/// For one thread of the pool at a time.
final class CommitGroup {
    /// The name that it got, where it isn't the one asked for.
    typealias Outcome = Result<FileName?, OfficeError>
    typealias Completion = (Outcome) -> Void

    /// Files that are open at once.
    static let capacity = 64
    /// Bytes of content after which waiting for more files gains nothing.
    private static let fullBytes: Int64 = 32 << 20

    private let folder: any FolderChanging
    private let pool: WorkPool
    private var items: [CompleteFile] = []
    private var completions: [Completion] = []
    private var bytes: Int64 = 0

    init(folder: any FolderChanging, pool: WorkPool) {
        self.folder = folder
        self.pool = pool
    }

    /// Takes a complete file; `completion` is called by this or a later call, when it is safe or has failed.
    func add(_ item: CompleteFile, completion: @escaping Completion) {
        items.append(item)
        completions.append(completion)
        bytes += item.size
        if items.count >= Self.capacity || self.bytes >= Self.fullBytes { flush() }
    }

    /// Everything that waits is made safe now.
    func flush() {
        guard !items.isEmpty else { return }
        let items = self.items
        let completions = self.completions
        self.items = []
        self.completions = []
        bytes = 0
        var results = commit(items)
        syncFolders(of: items, &results)
        confirm(&results)
        for (result, completion) in zip(results, completions) { completion(result) }
    }

    private func commit(_ items: [CompleteFile]) -> [Outcome] {
        let results = Mutex([Outcome](repeating: .success(nil), count: items.count))
        let folder = self.folder
        pool.concurrently(items.count) { index in
            let item = items[index]
            let result = Result { () throws(OfficeError) -> FileName? in try folder.commit(item) }
            if case .failure = result { item.partial.close() }
            results.withLock { $0[index] = result }
        }
        return results.withLock { $0 }
    }

    private func confirm(_ results: inout [Outcome]) {
        do throws(OfficeError) {
            try folder.confirm()
        } catch {
            for (index, result) in results.enumerated() {
                if case .success = result { results[index] = .failure(error) }
            }
        }
    }

    private func syncFolders(of items: [CompleteFile], _ results: inout [Outcome]) {
        var members: [RelativePath: [Int]] = [:]
        for (index, item) in items.enumerated() {
            if case .success = results[index] { members[item.path.parent, default: []].append(index) }
        }
        let folders = Array(members.keys)
        let failures = Mutex([RelativePath: OfficeError]())
        let folder = self.folder
        pool.concurrently(folders.count) { index in
            do throws(OfficeError) {
                try folder.sync(folders[index])
            } catch {
                failures.withLock { $0[folders[index]] = error }
            }
        }
        for (path, error) in failures.withLock({ $0 }) {
            for index in members[path] ?? [] { results[index] = .failure(error) }
        }
    }
}
