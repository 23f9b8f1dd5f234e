import OfficeCore

/// What has to be done so that one tree equals another. Pure: two inventories in, lists out.
struct TreeDifference: Sendable {
    /// Folders, and the files and links that are not there or differ, in the source's order.
    private(set) var wanted = Inventory()
    /// Files and links that are the same by kind, size, time, mode and target.
    private(set) var unchanged = 0
    private(set) var unchangedBytes: Int64 = 0
    /// What is in the way: of another kind than the source's, where one of both is a folder.
    private(set) var inTheWay: [Entry] = []
    /// What the source doesn't have: the topmost only, for all below goes with it.
    private(set) var extraneous: [Entry] = []

    /// - Parameter comparesContent: Takes no file for unchanged, so that all are compared by their hashes.
    init(from source: Inventory, to destination: Inventory, comparesContent: Bool) throws(OfficeError) {
        var there: [RelativePath: Entry] = [:]
        var cursor = InventoryCursor(destination)
        while let entry = try cursor.next() { there[entry.path] = entry }
        var known: Set<RelativePath> = []
        cursor = InventoryCursor(source)
        var portion: [Entry] = []
        while let entry = try cursor.next() {
            known.insert(entry.path)
            if compare(entry, there[entry.path], comparesContent) {
                unchanged += 1
                unchangedBytes += entry.kind == .file ? entry.size : 0
            } else {
                portion.append(entry)
            }
            if portion.count == 512 {
                wanted.append(portion)
                portion = []
            }
        }
        wanted.append(portion)
        try findExtraneous(destination, known)
    }

    /// Whether nothing has to be done for the entry.
    private mutating func compare(_ entry: Entry, _ there: Entry?, _ comparesContent: Bool) -> Bool {
        guard let there else { return false }
        guard there.kind == entry.kind else {
            if there.kind == .directory || entry.kind == .directory { inTheWay.append(there) }
            return false
        }
        switch entry.kind {
        case .directory: return false
        case .symlink: return there.target == entry.target
        case .file:
            return !comparesContent && there.size == entry.size && there.modified == entry.modified
                && there.executable == entry.executable
        }
    }

    private mutating func findExtraneous(
        _ destination: Inventory, _ known: Set<RelativePath>
    ) throws(OfficeError) {
        var cursor = InventoryCursor(destination)
        while let entry = try cursor.next() {
            // Depth first: what is below the last one found follows it.
            if let last = extraneous.last, entry.path.relative(to: last.path) != nil { continue }
            if !known.contains(entry.path) { extraneous.append(entry) }
        }
    }
}
