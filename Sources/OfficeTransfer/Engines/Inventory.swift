import NIOCore
import OfficeCore

/// All entries of a tree, kept as compactly as they travel: some 60 bytes each, decoded when they are looked at.
struct Inventory {
    private static let chunkEntries = 512

    private var chunks: [ByteBuffer] = []
    private(set) var files = 0
    private(set) var bytes: Int64 = 0
    /// Files and links: what counts as an item.
    private(set) var items = 0

    mutating func append(_ entries: [Entry]) {
        var rest = entries[...]
        while !rest.isEmpty {
            chunks.append(FrameEncoder.encoded(.entries(Array(rest.prefix(Self.chunkEntries)))))
            rest = rest.dropFirst(Self.chunkEntries)
        }
        for entry in entries where entry.kind != .directory {
            items += 1
            if entry.kind == .file {
                files += 1
                bytes += entry.size
            }
        }
    }

    var chunkCount: Int { chunks.count }

    /// The entries of a chunk, in the order they were appended.
    func chunk(_ index: Int) throws(OfficeError) -> [Entry] {
        // Its own words, read without the wire's limit on a frame: names and targets of 512 entries may be long.
        var limits = TransferLimits()
        limits.frameBytes = .max
        var decoder = FrameDecoder(limits: limits)
        decoder.append(chunks[index])
        guard case .entries(let entries)? = try decoder.next() else { return [] }
        return entries
    }
}
