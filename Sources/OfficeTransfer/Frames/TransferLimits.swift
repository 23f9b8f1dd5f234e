/// What one exchange may hold: everything a peer can make grow has its bound here. A frame or exchange that is
/// over one of them is refused as malformed (a frame's fields) or by `.limit` (how many).
package struct TransferLimits: Sendable, Equatable {
    /// Bytes of a frame's payload.
    package var frameBytes = 1 << 20
    /// Bytes of a DATA frame's payload.
    package var dataBytes = 256 << 10
    /// Bytes of a path or of a link's target.
    package var pathBytes = 4095
    /// Bytes of a version token.
    package var tokenBytes = 255
    /// Bytes of the key that names an upload.
    package var keyBytes = 128
    /// Bytes of each text of an error.
    package var textBytes = 2048
    /// Bytes of a glob pattern.
    package var patternBytes = 255
    /// Items of a fetch, offer, store or change.
    package var items = 4096
    /// Ranges of blocks in one WANT.
    package var ranges = 4096
    /// Digests in one MANIFEST, HELD or KEEP.
    package var digests = 8192
    /// Entries in one ENTRIES.
    package var entries = 4096
    /// Bytes of a file: ext4's own limit (16 TiB). It bounds the leaves of a file to one million.
    package var fileBytes: Int64 = 16 << 40
    /// Folders that a recursive listing keeps open; below that depth it reads a folder whole before it descends.
    package var openListings = 64

    package init() {}
}
