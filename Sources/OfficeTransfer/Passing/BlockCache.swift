package import OfficeCore
import OfficeFolders
import Synchronization

/// Blocks that this node holds in passing: what flowed through it of contents that several nodes read at once, kept for
/// a while for those others.
///
/// Only verified blocks are in it, each of a content that one node gave. Bounded in bytes on the disk and in contents;
/// what was used longest ago goes first. The bytes lie in files without a name, so that nothing of it outlives the
/// process. Thread-safe; what touches the disk blocks.
package final class BlockCache: Sendable {
    /// A content, and whom it is from: what one node gave is nobody else's to allow.
    package struct Key: Hashable, Sendable {
        package let origin: NodeID
        package let root: ContentRoot
        package init(origin: NodeID, root: ContentRoot) {
            self.origin = origin
            self.root = root
        }
    }

    /// Contents at a time: each keeps a descriptor open.
    package static let mostContents = 32
    /// Blocks of one content: beyond that its manifest is too long to be kept for others.
    package static let mostBlocks = 1 << 16
    /// How long after it was last said a content still counts as being read here.
    private static let attention = Duration.seconds(5)

    struct Content {
        let size: Int64
        let geometry: BlockGeometry
        let leaves: [Digest256]
        let file: ScratchFile
        var held: BlockSet
        /// What is here already without having been kept: it doesn't come any more.
        var absent: BlockSet
        /// When each block was used last, in uses of the cache.
        var used: [UInt32: UInt64] = [:]
        /// Blocks that are being read or written now: they stay.
        var busy: [Int: Int] = [:]
        var writing: Set<Int> = []
        /// Bytes of blocks that are held or being written.
        var bytes: Int64 = 0
        /// Blocks that came, ever.
        var arrived: Int64 = 0
        var readUntil: ContinuousClock.Instant
        var touched = ContinuousClock.now
        var lastUse: UInt64 = 0
        /// Who waits for which blocks.
        var bells: [Int: (wanted: BlockSet, bell: Doorbell)] = [:]
    }

    struct State {
        var contents: [Key: Content] = [:]
        var capacity: Int64
        var uses: UInt64 = 0
        var lastBell = 0
        var bytes: Int64 { contents.values.reduce(0) { $0 + $1.bytes } }
    }

    private let directory: String
    let state: Mutex<State>

    /// - Parameters:
    ///   - directory: Whose file system holds the blocks.
    ///   - capacity: Bytes at most; 0: nothing is kept.
    package init(in directory: String, capacity: Int64) {
        self.directory = directory
        state = Mutex(State(capacity: capacity))
    }

    /// Another bound from now on.
    package func configure(capacity: Int64) {
        state.withLock { state in
            state.capacity = capacity
            if capacity == 0 { state.contents = state.contents.filter { !$0.value.busy.isEmpty } }
            _ = Self.makeRoom(for: 0, &state)
        }
    }

    /// Bytes of blocks that are here.
    package var bytes: Int64 { state.withLock { $0.bytes } }
    package func holds(_ key: Key) -> BlockSet? { state.withLock { $0.contents[key]?.held } }

    /// Whether anything is kept at all.
    package var isOn: Bool { state.withLock { $0.capacity > 0 } }

    // MARK: Contents

    /// Gives back what was not used for so long.
    package func forget(unusedFor age: Duration) {
        let now = ContinuousClock.now
        state.withLock { state in
            state.contents = state.contents.filter {
                now - $0.value.touched < age || !$0.value.busy.isEmpty || !$0.value.bells.isEmpty
            }
        }
    }

    /// Whether blocks of it can be taken in.
    package func knows(_ key: Key) -> Bool { state.withLock { $0.contents[key] != nil } }

    /// Keeps blocks of a content from now on. Throws `.malformed` where the leaves are not its manifest.
    package func open(_ key: Key, size: Int64, leaves: [Digest256]) throws(OfficeError) {
        let geometry = BlockGeometry(size: size)
        guard size > 0, geometry.count == leaves.count, MerkleTree.root(size: size, leaves: leaves) == key.root else {
            throw OfficeError(.malformed, "a manifest", "it is not the content's")
        }
        guard leaves.count <= Self.mostBlocks, state.withLock({ $0.capacity > 0 && $0.contents[key] == nil }) else {
            return
        }
        let file = try ScratchFile(in: directory, size: size)
        let none = BlockSet(capacity: geometry.count)
        state.withLock { state in
            guard state.contents[key] == nil else { return }
            if state.contents.count >= Self.mostContents, !Self.dropContent(&state) { return }
            state.uses += 1
            state.contents[key] = Content(
                size: size, geometry: geometry, leaves: leaves, file: file, held: none, absent: none,
                readUntil: .now + Self.attention, lastUse: state.uses)
        }
    }

    /// The content is being read here, and what is held of it otherwise doesn't come any more.
    package func expect(_ key: Key, held: BlockSet?) {
        state.withLock { state in
            guard let content = state.contents[key] else { return }
            state.contents[key]?.readUntil = .now + Self.attention
            state.contents[key]?.touched = .now
            guard var absent = held, absent.capacity == content.geometry.count else { return }
            absent.subtract(content.held)
            state.contents[key]?.absent = absent
            if absent != content.absent { for waiting in content.bells.values { waiting.bell.ring() } }
        }
    }

    // MARK: Room

    private static func dropContent(_ state: inout State) -> Bool {
        let idle = state.contents.filter { $0.value.busy.isEmpty && $0.value.bells.isEmpty }
        guard let oldest = idle.min(by: { $0.value.lastUse < $1.value.lastUse }) else { return false }
        state.contents[oldest.key] = nil
        return true
    }

    /// Room for so many bytes more, down to seven eighths at once so that the search for what is old is rare.
    private static func makeRoom(for bytes: Int64, _ state: inout State) -> Bool {
        guard bytes <= state.capacity else { return false }
        var held = state.bytes
        guard held + bytes > state.capacity else { return true }
        var blocks: [(used: UInt64, key: Key, block: Int)] = []
        for (key, content) in state.contents {
            for (block, used) in content.used where content.busy[Int(block)] == nil {
                blocks.append((used, key, Int(block)))
            }
        }
        blocks.sort { $0.used < $1.used }
        let aim = min(state.capacity - bytes, state.capacity / 8 * 7)
        for (_, key, block) in blocks {
            guard held > aim, let content = state.contents[key] else { break }
            let (offset, length) = (content.geometry.offset(of: block), Int64(content.geometry.length(of: block)))
            content.file.discard(offset..<(offset + length))
            state.contents[key]?.held.remove(block)
            state.contents[key]?.absent.insert(block)
            state.contents[key]?.used[UInt32(block)] = nil
            state.contents[key]?.bytes -= length
            held -= length
        }
        return held + bytes <= state.capacity
    }

    // MARK: Taking in

    /// Begins to take a block in; nil where it is here, comes already, or there is no room.
    func begin(_ key: Key, _ block: Int, length: Int) -> ScratchFile? {
        state.withLock { state in
            guard let content = state.contents[key], block >= 0, block < content.geometry.count,
                length == content.geometry.length(of: block), !content.held.contains(block),
                !content.writing.contains(block), Self.makeRoom(for: Int64(length), &state)
            else { return nil }
            state.contents[key]?.writing.insert(block)
            state.contents[key]?.busy[block, default: 0] += 1
            state.contents[key]?.bytes += Int64(length)
            return content.file
        }
    }

    func offset(of block: Int, in key: Key) -> Int64 {
        state.withLock { $0.contents[key]?.geometry.offset(of: block) ?? 0 }
    }

    /// It came whole and hashes to `digest`; or broke off.
    func end(_ key: Key, _ block: Int, digest: Digest256?) {
        let bells = state.withLock { state -> [Doorbell] in
            state.uses += 1
            return state.contents[key]?.ended(block, digest: digest, at: state.uses) ?? []
        }
        for bell in bells { bell.ring() }
    }

    /// A block that is a hole at its source: zeros, where they are what it has to be.
    func hole(_ key: Key, _ block: Int, digest: (Int) -> Digest256) {
        let length = state.withLock { state -> Int? in
            guard let content = state.contents[key], block >= 0, block < content.geometry.count else { return nil }
            return content.geometry.length(of: block)
        }
        guard let length, let file = begin(key, block, length: length) else { return }
        let offset = offset(of: block, in: key)
        file.discard(offset..<(offset + Int64(length)))
        end(key, block, digest: digest(length))
    }

    // MARK: Handing out

    /// What of `wanted` can be had now, first; whether more of it may come; and how many blocks ever came.
    struct Standing {
        var ready: (block: Int, length: Int, offset: Int64, digest: Digest256, file: ScratchFile)?
        var mayCome = false
        var arrived: Int64 = 0
    }

    /// The block of `ready` stays until `release`.
    func take(_ wanted: BlockSet, of key: Key) -> Standing? {
        state.withLock { state in
            guard let content = state.contents[key] else { return nil }
            var standing = Standing(arrived: content.arrived)
            var here = wanted
            here.formIntersection(content.held)
            if let block = here.firstMember(from: 0) {
                state.uses += 1
                state.contents[key]?.used[UInt32(block)] = state.uses
                state.contents[key]?.lastUse = state.uses
                state.contents[key]?.touched = .now
                state.contents[key]?.busy[block, default: 0] += 1
                standing.ready = (
                    block, content.geometry.length(of: block), content.geometry.offset(of: block),
                    content.leaves[block], content.file
                )
                return standing
            }
            var rest = wanted
            rest.subtract(content.absent)
            standing.mayCome = !rest.isEmpty && content.readUntil > .now
            return standing
        }
    }

    func release(_ block: Int, of key: Key) { state.withLock { $0.contents[key]?.release(block) } }

    /// Rung whenever one of `wanted` came, and when one won't come any more: who waits for others sleeps on, for many
    /// wait at once where many read. `mute` ends it.
    func listen(to key: Key, for wanted: BlockSet) -> (number: Int, bell: Doorbell) {
        let bell = Doorbell()
        let number = state.withLock { state in
            state.lastBell += 1
            state.contents[key]?.bells[state.lastBell] = (wanted, bell)
            return state.lastBell
        }
        return (number, bell)
    }

    func mute(_ number: Int, of key: Key) { state.withLock { _ = $0.contents[key]?.bells.removeValue(forKey: number) } }

    func size(of key: Key) -> Int64? { state.withLock { $0.contents[key]?.size } }
}

extension BlockCache.Content {
    fileprivate mutating func release(_ block: Int) {
        busy[block, default: 1] -= 1
        if busy[block] == 0 { busy[block] = nil }
    }

    /// What was being taken in is over: who waited for it, where it is right and kept. Changed in place, as is all that
    /// happens for each block.
    fileprivate mutating func ended(_ block: Int, digest: Digest256?, at use: UInt64) -> [Doorbell] {
        guard writing.remove(block) != nil else { return [] }
        release(block)
        guard let digest, leaves[block] == digest else {
            bytes -= Int64(geometry.length(of: block))
            return []
        }
        held.insert(block)
        absent.remove(block)
        used[UInt32(block)] = use
        lastUse = use
        arrived += 1
        return bells.values.compactMap { $0.wanted.contains(block) ? $0.bell : nil }
    }
}
