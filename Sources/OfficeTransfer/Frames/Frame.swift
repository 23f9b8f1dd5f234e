package import NIOCore
package import OfficeCore

/// One frame of a share exchange: the words of the protocol (`docs/protocol.md`, "Share exchanges").
///
/// On the wire: type (1 byte), payload length (4 bytes, big-endian), payload. All integers are big-endian.
package enum Frame: Sendable, Equatable {
    /// A sign of life from who works on something that takes long; means nothing, and may come between any frames.
    case ping

    // Requests.
    case list(ListRequest)
    case want(Want)
    case offer(Offer)
    case store(StoreHead)
    case change(item: UInt32, Change)

    // Content and answers.
    case entries([Entry])
    case begin(FileHead)
    case block(index: Int, length: Int)
    /// A piece of the block that is open. The decoder hands over what it has of a DATA frame: how the bytes were
    /// cut into frames means nothing.
    case data(ByteBuffer)
    case blockEnd(index: Int, digest: Digest256)
    /// A block that is a hole in the source: all zeros, and not sent.
    case hole(index: Int)
    /// Leaf digests of consecutive blocks.
    case manifest(item: UInt32, first: Int, digests: [Digest256])
    /// Chunks of the file that follow those told before, in order.
    case chunks(item: UInt32, [ContentChunk])
    /// Blocks that the partial file at the receiver holds, verified.
    case held(item: UInt32, [BlockDigest])
    case need(Need)
    /// Blocks the receiver has already (it said so in HELD or MANIFEST) and that are to stay.
    case keep([BlockDigest])
    case done(item: UInt32, wasThere: Bool)
    /// It is there; under another name beside the one that was asked for, where that has another content than the
    /// sender's base by now.
    case committed(item: UInt32, root: ContentRoot, name: FileName? = nil)
    /// Bytes of content that the receiver of a store has verified, in this exchange, until now. A sign of life too.
    case progress(bytes: Int64)
    /// The blocks that a node holds in passing, now.
    case have(item: UInt32, BlockSet)
    /// Who answers from here on, where it is not the node that was asked for: first of all frames.
    case source(Label)
    case end(item: UInt32, root: ContentRoot?)
    case fail(item: UInt32, OfficeError)

    /// The item number of END and FAIL that speak of the whole exchange.
    package static let wholeExchange = UInt32.max

    /// Bytes before the payload: type and length.
    static let headerBytes = 5

    /// The first byte of each frame.
    enum Kind: UInt8 {
        case ping = 0x00
        case list = 0x01
        case want = 0x02
        case offer = 0x03
        case store = 0x04
        case change = 0x05
        case entries = 0x10
        case begin = 0x11
        case block = 0x12
        case data = 0x13
        case blockEnd = 0x14
        case hole = 0x15
        case manifest = 0x16
        case held = 0x17
        case need = 0x18
        case keep = 0x19
        case done = 0x1A
        case committed = 0x1B
        case progress = 0x1C
        case have = 0x1D
        case end = 0x1E
        case fail = 0x1F
        case source = 0x20
        case chunks = 0x21
    }
}

/// LIST: which entries.
package struct ListRequest: Sendable, Equatable {
    package var path: RelativePath
    /// All below, too: depth first, a folder before its contents.
    package var recursive: Bool
    /// The folder itself comes first, as an entry with the root path.
    package var withSelf: Bool
    /// Only names that match this glob, as bytes; nil: all.
    package var pattern: [UInt8]?
    /// At most so many entries; nil: all.
    package var limit: Int?

    package init(
        path: RelativePath, recursive: Bool = false, withSelf: Bool = false, pattern: [UInt8]? = nil, limit: Int? = nil
    ) {
        self.path = path
        self.recursive = recursive
        self.withSelf = withSelf
        self.pattern = pattern
        self.limit = limit
    }
}

/// WANT: a file's content, or what is known of it.
package struct Want: Sendable, Equatable {
    package enum Purpose: UInt8, Sendable {
        case blocks = 0
        /// BEGIN, MANIFEST and END only.
        case hashes = 1
        /// BEGIN, CHUNKS and END only.
        case chunks = 2
        /// Pages of `DeltaPlan.pageBytes`, of blocks that the asker puts together itself: BEGIN, DATA and END.
        case parts = 3
    }

    /// Chosen by the asker; the answer names it.
    package var item: UInt32
    package var path: RelativePath
    /// The version wanted, as a BEGIN named it; empty: whichever is there now.
    package var token: String
    package var purpose: Purpose
    /// The blocks wanted, or the pages where parts are, ascending and apart; empty: all blocks.
    package var ranges: [Range<Int>]

    package init(
        item: UInt32, path: RelativePath, token: String = "", purpose: Purpose = .blocks, ranges: [Range<Int>] = []
    ) {
        self.item = item
        self.path = path
        self.token = token
        self.purpose = purpose
        self.ranges = ranges
    }
}

/// BEGIN: what is about to be sent.
package struct FileHead: Sendable, Equatable {
    package var item: UInt32
    package var size: Int64
    package var modified: FileTime
    package var executable: Bool
    /// Names this version of the file; opaque to the asker.
    package var token: String

    package init(item: UInt32, size: Int64, modified: FileTime, executable: Bool, token: String) {
        self.item = item
        self.size = size
        self.modified = modified
        self.executable = executable
        self.token = token
    }
}

/// OFFER: an upload, before its bytes.
package struct Offer: Sendable, Equatable {
    package var item: UInt32
    package var path: RelativePath
    package var kind: Entry.Kind
    package var size: Int64
    package var modified: FileTime
    package var executable: Bool
    /// Replaces what is there.
    package var force: Bool
    /// Names the upload: the same path and key find the same partial file again.
    package var key: String
    /// A symlink's target.
    package var target: [UInt8]?
    /// What the sender's file was made from: STORE will name it, too.
    package var base: ContentRoot?

    package init(
        item: UInt32, path: RelativePath, kind: Entry.Kind, size: Int64, modified: FileTime, executable: Bool,
        force: Bool, key: String, target: [UInt8]? = nil, base: ContentRoot? = nil
    ) {
        self.item = item
        self.path = path
        self.kind = kind
        self.size = size
        self.modified = modified
        self.executable = executable
        self.force = force
        self.key = key
        self.target = target
        self.base = base
    }
}

/// NEED: the offer is taken; what HELD and MANIFEST before it did not name has to be sent.
package struct Need: Sendable, Equatable {
    package var item: UInt32
    /// The file that is at the path already: its size and version token. MANIFEST before it gave its leaves.
    package var existing: Existing?

    package struct Existing: Sendable, Equatable {
        package var size: Int64
        package var token: String
        package init(size: Int64, token: String) {
            self.size = size
            self.token = token
        }
    }

    package init(item: UInt32, existing: Existing? = nil) {
        self.item = item
        self.existing = existing
    }
}

/// STORE: a file whose blocks follow.
package struct StoreHead: Sendable, Equatable {
    /// What has to hold of the path when the file is put there.
    package enum Condition: Sendable, Equatable {
        /// Nothing is there.
        case never
        /// Whatever is there is replaced.
        case always
        /// Replaces exactly the version with this token.
        case ifUnchanged(String)
        /// Replaces this content, wherever it came from; beside any other it gets a name of its own.
        case ifBase(ContentRoot)
    }

    package var item: UInt32
    package var path: RelativePath
    package var size: Int64
    package var modified: FileTime
    package var executable: Bool
    package var key: String
    package var condition: Condition

    package init(
        item: UInt32, path: RelativePath, size: Int64, modified: FileTime, executable: Bool, key: String,
        condition: Condition
    ) {
        self.item = item
        self.path = path
        self.size = size
        self.modified = modified
        self.executable = executable
        self.key = key
        self.condition = condition
    }
}

/// A block and the SHA-256 of its bytes.
package struct BlockDigest: Sendable, Hashable {
    package var index: Int
    package var digest: Digest256
    package init(index: Int, digest: Digest256) {
        self.index = index
        self.digest = digest
    }
}

/// CHANGE: of names, not of contents.
package enum Change: Sendable, Equatable {
    /// With `parents`, what is missing on the way is made too, and a folder that is there already is no error.
    case makeFolder(RelativePath, parents: Bool)
    case move(RelativePath, to: RelativePath, force: Bool)
    case remove(RelativePath, recursive: Bool)
    /// Of a folder after its contents, or of a file or link.
    case setModified(RelativePath, FileTime)
    case setExecutable(RelativePath, Bool)
    /// A hidden marker beside `path`, named by `key`: an upload that was interrupted finds its destination by it.
    /// DONE says whether it was there.
    case mark(RelativePath, key: String, MarkAction)

    package enum MarkAction: UInt8, Sendable {
        case ask = 0
        case set = 1
        case clear = 2
    }
}
