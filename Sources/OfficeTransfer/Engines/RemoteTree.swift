package import OfficeCore
import OfficeFolders

/// A tree somewhere else, looked at without bringing it here.
package struct RemoteTree: Sendable {
    private static let hashesAtOnce = 256

    private let transport: any ShareTransport
    private let session: TransferSession
    private let place: RemotePlace

    /// - Parameter place: Where in a share it is.
    package init(
        _ place: RemotePlace, transport: some ShareTransport, pool: WorkPool,
        options: TransferOptions = TransferOptions()
    ) {
        self.transport = transport
        self.place = place
        session = TransferSession(transport: transport, pool: pool, options: options)
    }

    /// Everything that is below a path of the tree. Throws where anything can't be read.
    package func entries(below path: RelativePath) async throws -> [Entry] {
        var below = place
        below.path = try place.path.appending(path)
        return try await transport.list(
            ListRequest(path: below.path, recursive: true), node: place.node, share: place.share
        ) { listing in
            var entries: [Entry] = []
            for try await batch in listing {
                if let failure = batch.failures.first { throw failure }
                entries += batch.entries
            }
            return entries
        }
    }

    /// The contents of files of the tree. What is no file any more, or another one meanwhile, is missing in the answer.
    package func contents(of paths: [RelativePath]) async throws -> [RelativePath: NamedContent] {
        var contents: [RelativePath: NamedContent] = [:]
        for first in stride(from: 0, to: paths.count, by: Self.hashesAtOnce) {
            let part = Array(paths[first..<min(first + Self.hashesAtOnce, paths.count)])
            contents.merge(try await hashes(of: part)) { $1 }
        }
        return contents
    }

    private func hashes(of paths: [RelativePath]) async throws -> [RelativePath: NamedContent] {
        let limits = session.options.limits
        var encoder = FrameEncoder(limits: limits)
        for (item, path) in paths.enumerated() {
            encoder.write(
                .want(Want(item: UInt32(item), path: try place.path.appending(path), purpose: .hashes)))
        }
        let request = encoder.take()
        return try await session.exchange(
            with: place, .fetch, send: { try await $0(request) },
            receive: { body in
                var reader = FrameReader(body, limits: limits)
                var hashes = HashesAnswer(paths)
                while let frames = try await reader.next() {
                    for frame in frames where try hashes.take(frame) {
                        try await reader.drain()
                        return hashes.contents
                    }
                }
                throw cutOff()
            })
    }
}

/// The answer to WANTs for hashes, in their order.
private struct HashesAnswer {
    private let paths: [RelativePath]
    private var next = 0
    private var head: FileHead?
    private var digests: [Digest256] = []
    private(set) var contents: [RelativePath: NamedContent] = [:]

    init(_ paths: [RelativePath]) { self.paths = paths }

    /// Whether it was the last.
    mutating func take(_ frame: Frame) throws(OfficeError) -> Bool {
        switch frame {
        case .ping: return false
        case .fail(Frame.wholeExchange, let error): throw error
        case .end(Frame.wholeExchange, nil) where next == paths.count: return true
        case .begin(let head) where Int(head.item) == next && next < paths.count && self.head == nil: self.head = head
        case .manifest(_, let first, let new) where first == digests.count && head != nil: digests += new
        case .end(let item, let root) where Int(item) == next && next < paths.count: try end(root)
        case .fail(let item, _) where Int(item) == next && next < paths.count: skip()
        default: throw malformed("a frame out of place in the answer to a want")
        }
        return false
    }

    private mutating func end(_ root: ContentRoot?) throws(OfficeError) {
        guard let head, digests.count == BlockGeometry(size: head.size).count else {
            throw malformed("hashes that are not the file's")
        }
        let own = MerkleTree.root(size: head.size, leaves: digests)
        guard root == nil || root == own else { throw malformed("hashes that are not the file's") }
        contents[paths[next]] = NamedContent(size: head.size, root: own)
        skip()
    }

    private mutating func skip() {
        (head, digests) = (nil, [])
        next += 1
    }
}
