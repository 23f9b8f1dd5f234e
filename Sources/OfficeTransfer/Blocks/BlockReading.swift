import Crypto
package import OfficeCore
package import OfficeFolders

/// Bytes read by one call where nothing else says how many.
let readChunk = 256 << 10

/// Reads at an offset: what a `ReadableFile` and a `PartialFile` have in common.
protocol RandomReading {
    func read(into buffer: UnsafeMutableRawBufferPointer, at offset: Int64) throws(OfficeError) -> Int
}

extension ReadableFile: RandomReading {}
extension PartialFile: RandomReading {}

/// Hashes blocks with a buffer of its own. For one thread at a time.
struct BlockReader: ~Copyable {
    private let buffer: UnsafeMutableRawBufferPointer

    init() {
        buffer = .allocate(byteCount: readChunk, alignment: 4096)
    }

    deinit { buffer.deallocate() }

    /// The digest of a block's bytes; nil where the file ends before the block does.
    /// - Parameter each: Sees the bytes as they pass, with their offset in the file.
    func digest(
        of index: Int, in geometry: BlockGeometry, from file: some RandomReading,
        each: (UnsafeRawBufferPointer, Int64) throws(OfficeError) -> Void = { (_, _) throws(OfficeError) in }
    ) throws(OfficeError) -> Digest256? {
        var hasher = SHA256()
        var offset = geometry.offset(of: index)
        let end = offset + Int64(geometry.length(of: index))
        while offset < end {
            let wanted = Int(min(Int64(buffer.count), end - offset))
            let chunk = UnsafeMutableRawBufferPointer(rebasing: buffer[..<wanted])
            guard try file.read(into: chunk, at: offset) == wanted else { return nil }
            let bytes = UnsafeRawBufferPointer(chunk)
            hasher.update(bufferPointer: bytes)
            try each(bytes, offset)
            offset += Int64(wanted)
        }
        return Digest256(hasher.finalize())
    }
}

/// The digests of blocks that are all zeros, by length: holes travel without their bytes.
struct ZeroDigests {
    private var known: [Int: Digest256] = [:]

    mutating func digest(length: Int) -> Digest256 {
        if let digest = known[length] { return digest }
        let zeros = [UInt8](repeating: 0, count: min(length, readChunk))
        var hasher = SHA256()
        var left = length
        while left > 0 {
            zeros.withUnsafeBytes { hasher.update(bufferPointer: UnsafeRawBufferPointer(rebasing: $0.prefix(left))) }
            left -= zeros.count
        }
        let digest = Digest256(hasher.finalize())
        known[length] = digest
        return digest
    }
}

/// Whether every byte is zero; stops at the first that is not.
func isAllZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var offset = 0
    while offset + 8 <= bytes.count {
        guard bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self) == 0 else { return false }
        offset += 8
    }
    return bytes[offset...].allSatisfy { $0 == 0 }
}

/// The leaves of a whole file, through the cache. Throws `.changed` where the file is written to meanwhile.
func leaves(of file: ReadableFile, cache: any HashCache, stop: StopFlag) throws(OfficeError) -> [Digest256] {
    if let known = cache.leaves(of: file.identity) { return known }
    let geometry = BlockGeometry(size: file.identity.size)
    let reader = BlockReader()
    var leaves: [Digest256] = []
    leaves.reserveCapacity(geometry.count)
    outwaitTick(of: file.identity.changed)
    for index in 0..<geometry.count {
        try stop.check()
        guard let digest = try reader.digest(of: index, in: geometry, from: file) else { throw changedWhileRead() }
        leaves.append(digest)
    }
    guard try file.isUnchanged() else { throw changedWhileRead() }
    if file.identity.isSettled(now: .now) { cache.remember(leaves, of: file.identity) }
    return leaves
}

func changedWhileRead() -> OfficeError {
    OfficeError(
        .changed, "file", "it changed while it was read", mend: "Run the same again when nothing writes to it.")
}

/// The root of a file's content; nil where it is not known and would take reading more than `most` bytes.
package func contentRoot(
    of file: ReadableFile, cache: any HashCache, most: Int64
) throws(OfficeError) -> ContentRoot? {
    guard file.identity.size <= most || cache.leaves(of: file.identity) != nil else { return nil }
    let leaves = try leaves(of: file, cache: cache, stop: StopFlag())
    return MerkleTree.root(size: file.identity.size, leaves: leaves)
}
