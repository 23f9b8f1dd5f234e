package import OfficeCore

/// What somebody reads of a share, as it is told to its owner now and then.
package struct ContentReading: Sendable {
    package var path: RelativePath
    /// The content, once its manifest is here.
    package var root: ContentRoot?
    /// Its manifest, for the node's own cache, which asks for it: not for the owner.
    package var leaves: [Digest256]?
    package var size: Int64
    /// What the reader has: of this its node gets nothing more.
    package var held: BlockSet?

    package init(path: RelativePath, size: Int64) {
        self.path = path
        self.size = size
    }
}

/// What the owner of a content says while several nodes read it, or others have it in shares of their own.
package struct ContentDemand: Sendable {
    /// A node that holds blocks in passing, or has the same content itself.
    package struct Holder: Sendable, Hashable {
        package var name: Label
        /// What blocks are divided by: the same with all who read.
        package var key: UInt64
        /// Whether it still reads.
        package var isReading: Bool

        package init(name: Label, key: UInt64, isReading: Bool) {
            self.name = name
            self.key = key
            self.isReading = isReading
        }
    }

    package var root: ContentRoot
    /// This node's key among the holders'.
    package var own: UInt64
    package var holders: [Holder]
    /// This node's cache has not heard of the content's manifest.
    package var needsManifest: Bool
    /// Nobody else reads it: the holders have it of their own, and the owner needs not be spared.
    package var isAlone: Bool

    package init(
        root: ContentRoot, own: UInt64, holders: [Holder], needsManifest: Bool, isAlone: Bool = false
    ) {
        self.isAlone = isAlone
        self.root = root
        self.own = own
        self.holders = holders
        self.needsManifest = needsManifest
    }

    /// What a node is known by when blocks are divided.
    package static func key(of node: NodeID) -> UInt64 { UInt64(node.short, radix: 16) ?? 0 }
}

/// Who is asked for blocks that others read, too.
package enum SharedSource: Sendable, Hashable {
    /// The owner, or who keeps a copy of the whole share.
    case keeper(Label)
    /// A node that holds blocks in passing.
    case holder(Label)
}
