import HeapModule

/// The agreed order of a log's entries: causal (an entry comes after those it follows), then by hash.
///
/// Of the entries whose predecessors all have their place, the one with the lowest hash is next.
struct AgreedOrder {
    private struct Ready: Comparable {
        let hash: EntryHash
        let index: Int
        static func < (a: Ready, b: Ready) -> Bool { a.hash < b.hash }
    }

    /// The entries' indices, in order.
    private(set) var indices: [Int]

    init(_ entries: [LogEntry], parents: [[Int]]) {
        var children = [[Int]](repeating: [], count: entries.count)
        var missing = parents.map(\.count)
        for (index, list) in parents.enumerated() {
            for parent in list { children[parent].append(index) }
        }
        var ready = Heap<Ready>()
        for index in entries.indices where missing[index] == 0 {
            ready.insert(Ready(hash: entries[index].hash, index: index))
        }
        indices = []
        indices.reserveCapacity(entries.count)
        while let next = ready.popMin() {
            indices.append(next.index)
            for child in children[next.index] {
                missing[child] -= 1
                if missing[child] == 0 { ready.insert(Ready(hash: entries[child].hash, index: child)) }
            }
        }
    }

    /// One more at the end: an entry that all others lead to.
    mutating func append(_ index: Int) { indices.append(index) }
}
