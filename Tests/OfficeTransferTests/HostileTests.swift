import Foundation
import NIOCore
import OfficeCore
import OfficeFolders
import Testing

@testable import OfficeTransfer

/// Answers with whatever frames it was given, whatever was asked.
private struct Liar: ShareTransport {
    let answers: [ShareVerb: [Frame]]
    var endless: Frame?

    func exchange<Answer: Sendable>(
        node: Label, share: Label, verb: ShareVerb, server: Label?,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        var encoder = FrameEncoder()
        for frame in answers[verb] ?? [] { encoder.write(frame) }
        guard let endless, verb == .fetch else { return try await receive(BodyStream(encoder.take())) }
        let start = encoder.take()
        let stream = AsyncStream<ByteBuffer> { continuation in
            continuation.yield(start)
            for _ in 0..<10_000 { continuation.yield(FrameEncoder.encoded(endless)) }
            continuation.finish()
        }
        return try await receive(BodyStream(stream))
    }
}

private let noTime = FileTime(seconds: 1, nanoseconds: 0)
private let whole = Frame.wholeExchange

private func entry(_ path: String, _ kind: Entry.Kind = .file, size: Int64 = 3) throws -> Entry {
    Entry(
        path: try RelativePath(parsing: path), kind: kind, size: kind == .file ? size : 0, modified: noTime,
        executable: false, target: kind == .symlink ? [0x78] : nil)
}

private func head(_ item: UInt32 = 0, size: Int64 = 3) -> Frame {
    .begin(FileHead(item: item, size: size, modified: noTime, executable: false, token: "t"))
}

@Suite struct HostileAnswerTests {
    static let abc = ByteBuffer(string: "abc")
    static let digest = Digest256.of(Array("abc".utf8))
    static let root = MerkleTree.root(size: 3, leaves: [digest])

    private func get(_ list: [Frame], _ fetch: [Frame], endless: Frame? = nil) async throws -> (
        TransferSummary, TestOffice
    ) {
        let office = try TestOffice()
        var options = TransferOptions()
        options.recursive = true
        options.clock = HandClock().transferClock
        let downloader = Downloader(
            transport: Liar(answers: [.list: list, .fetch: fetch], endless: endless), pool: office.pool,
            options: options)
        return (await downloader.get([try office.place("x")], to: Array((office.here + "/x").utf8)), office)
    }

    @Test func theTruthIsTaken() async throws {
        let (summary, office) = try await get(
            [.entries([try entry("")]), .end(item: whole, root: nil)],
            [
                head(), .block(index: 0, length: 3), .data(Self.abc), .blockEnd(index: 0, digest: Self.digest),
                .end(item: 0, root: Self.root), .end(item: whole, root: nil),
            ])
        #expect(summary.failure == nil)
        #expect(try content(office.here + "/x") == Data("abc".utf8))
    }

    static let lies: [[Frame]] = [
        // Of another item; twice; nothing of it.
        [head(1)], [head(), head()], [.end(item: 0, root: root)], [.end(item: whole, root: nil)],
        // Blocks: wrong number, wrong length, too much, too little, twice, within another.
        [head(), .block(index: 1, length: 3)], [head(), .block(index: 0, length: 4)],
        [head(), .block(index: 0, length: 3), .data(ByteBuffer(string: "abcd"))],
        [head(), .block(index: 0, length: 3), .data(ByteBuffer(string: "ab")), .blockEnd(index: 0, digest: digest)],
        [head(), .block(index: 0, length: 3), .block(index: 0, length: 3)],
        [head(), .data(abc)], [.data(abc)], [head(), .hole(index: 7)], [head(), .blockEnd(index: 0, digest: digest)],
        [
            head(), .block(index: 0, length: 3), .data(abc), .blockEnd(index: 0, digest: digest),
            .block(index: 0, length: 3),
        ],
        // The end without the content, or with another's name.
        [head(), .end(item: 0, root: root)],
        [
            head(), .block(index: 0, length: 3), .data(abc), .blockEnd(index: 0, digest: digest),
            .end(item: 0, root: ContentRoot(digest)),
        ],
        // Words of other verbs.
        [.list(ListRequest(path: .root))], [.done(item: 0, wasThere: true)], [.committed(item: 0, root: root)],
        [head(), .manifest(item: 0, first: 0, digests: [digest])], [.need(Need(item: 0))],
    ]

    @Test(arguments: lies) func aLieIsRefusedInOneLine(_ lie: [Frame]) async throws {
        let list: [Frame] = [.entries([try entry("")]), .end(item: whole, root: nil)]
        let (summary, office) = try await get(list, lie)
        #expect(summary.failure == .malformed)
        #expect(summary.failed.count == 1)
        #expect(!FileManager.default.fileExists(atPath: office.here + "/x"))
    }

    @Test func anEndlessAnswerIsRefused() async throws {
        let list: [Frame] = [.entries([try entry("")]), .end(item: whole, root: nil)]
        let done: [Frame] = [
            head(), .block(index: 0, length: 3), .data(Self.abc), .blockEnd(index: 0, digest: Self.digest),
            .end(item: 0, root: Self.root), .end(item: whole, root: nil),
        ]
        #expect(try await get(list, done, endless: .ping).0.failure == .malformed)
        #expect(try await get(list, [], endless: .ping).0.failure == .malformed)
        #expect(try await get(list, done, endless: .data(Self.abc)).0.failure == .malformed)
    }

    @Test func listingsThatNoFolderCouldHaveAreRefused() async throws {
        let lies: [[Entry]] = [
            [], [try entry("a")], [try entry("", .directory), try entry("a/b")],
            [try entry("", .directory), try entry("a"), try entry("a/b")],
            [try entry("", .directory), try entry("a", .symlink), try entry("a/b")],
            [try entry("", .directory), try entry("a", .directory), try entry("b"), try entry("a/c")],
            [try entry("", .directory), try entry("", .directory)], [try entry(""), try entry("a")],
        ]
        for lie in lies {
            let (summary, office) = try await get([.entries(lie), .end(item: whole, root: nil)], [])
            #expect(summary.failure == .malformed, "\(lie)")
            #expect(try FileManager.default.contentsOfDirectory(atPath: office.here).isEmpty)
        }
        let (cut, _) = try await get([.entries([try entry("", .directory)])], [])
        #expect(cut.failure == .temporary)
    }

    @Test func tooManyEntriesAreRefused() async throws {
        let request = ListRequest(path: .root, limit: 2)
        let frames: [Frame] = [.entries([try entry("a"), try entry("b"), try entry("c")])]
        var encoder = FrameEncoder()
        for frame in frames { encoder.write(frame) }
        let stream = ListingStream(BodyStream(encoder.take()), of: request)
        await #expect(throws: OfficeError.self) { for try await _ in stream {} }
    }
}

@Suite struct HostileRequestTests {
    private func answer(
        _ verb: ShareVerb, _ frames: [Frame], in office: TestOffice, mayWrite: Bool = true
    ) async throws -> Result<[Frame], OfficeError> {
        var encoder = FrameEncoder()
        for frame in frames { encoder.write(frame) }
        let request = encoder.take()
        do {
            return .success(
                try await office.transport(mayWrite: mayWrite).exchange(
                    node: TestOffice.node, share: TestOffice.share, verb: verb, send: { try await $0(request) },
                    receive: { body in
                        var reader = FrameReader(body, limits: TransferLimits())
                        var answer: [Frame] = []
                        while let frames = try await reader.next() { answer += frames }
                        return answer
                    }))
        } catch let error as OfficeError {
            return .failure(error)
        }
    }

    /// Frames of every kind in any order, to every verb: never a crash, never a file outside, never one inside
    /// that was not sent whole.
    @Test(arguments: 0..<60) func anyOrderOfFramesIsHarmless(_ seed: Int) async throws {
        let office = try TestOffice()
        try shell("mkdir d; echo 1 > d/f; ln -s /etc out", in: office.share)
        var generator = Seeded(UInt64(seed))
        let paths = ["d", "d/f", "out/passwd", "new", "d/new", "out"].compactMap { try? RelativePath(parsing: $0) }
        func path() -> RelativePath { paths.randomElement(using: &generator) ?? .root }
        let abc = Digest256.of(Array("abc".utf8))
        for _ in 0..<20 {
            let frames: [Frame] = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
                let item = UInt32.random(in: 0...2, using: &generator)
                switch Int.random(in: 0..<15, using: &generator) {
                case 0: return .list(ListRequest(path: path(), recursive: true))
                case 1: return .want(Want(item: item, path: path(), ranges: [0..<1]))
                case 2, 3:
                    return .store(
                        StoreHead(
                            item: item, path: path(), size: 3, modified: noTime, executable: false, key: "k",
                            condition: .always))
                case 4: return .block(index: 0, length: 3)
                case 5, 6: return .data(ByteBuffer(string: "abc"))
                case 7, 8: return .blockEnd(index: 0, digest: abc)
                case 9: return .end(item: item, root: MerkleTree.root(size: 3, leaves: [abc]))
                case 10: return .end(item: whole, root: nil)
                case 11: return .keep([BlockDigest(index: 0, digest: abc)])
                case 12:
                    return .offer(
                        Offer(
                            item: item, path: path(), kind: .file, size: 1 << 30, modified: noTime, executable: true,
                            force: true, key: "k"))
                case 13: return .fail(item: item, OfficeError(.io, "a", "b"))
                default: return .change(item: item, .move(path(), to: path(), force: false))
                }
            }
            _ = try await answer(ShareVerb.allCases.randomElement(using: &generator) ?? .list, frames, in: office)
        }
        #expect(!FileManager.default.fileExists(atPath: "/etc/new"))
        let files = try FileManager.default.subpathsOfDirectory(atPath: office.share)
        for file in files {
            var isDirectory: ObjCBool = false
            let path = office.share + "/" + file
            guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue,
                !file.contains(".officeshare-"), !file.hasPrefix("out")
            else { continue }
            #expect(try [Data("1\n".utf8), Data("abc".utf8)].contains(content(path)), "\(file)")
        }
    }

    @Test func tooManyItemsAreRefused() async throws {
        var limits = TransferLimits()
        limits.items = 3
        let office = try TestOffice(limits: limits)
        let path = try RelativePath(parsing: "f")
        func wants(_ count: UInt32) -> [Frame] { (0..<count).map { .want(Want(item: $0, path: path)) } }
        #expect(try await answer(.fetch, wants(3), in: office).get().count == 4)
        let tooMany = try await answer(.fetch, wants(4), in: office)
        switch tooMany {
        case .failure(let error): #expect(error.code == .limit)
        case .success(let frames):
            guard case .fail(whole, let error)? = frames.last else { Issue.record("\(frames)"); return }
            #expect(error.code == .limit)
        }
    }

    @Test func nothingIsReadOrWrittenOutside() async throws {
        let office = try TestOffice()
        try shell("ln -s /etc/passwd link; ln -s /etc dir; ln -s ../here up", in: office.share)
        for name in ["link", "dir/passwd", "up/x"] {
            let path = try RelativePath(parsing: name)
            let fetched = try await answer(.fetch, [.want(Want(item: 0, path: path))], in: office).get()
            guard case .fail(0, let error)? = fetched.first else { Issue.record("\(fetched)"); continue }
            #expect(error.code == .notAllowed || error.code == .notFound)
        }
        let target = try RelativePath(parsing: "up/x")
        let stored = try await answer(
            .store,
            [
                .store(
                    StoreHead(
                        item: 0, path: target, size: 0, modified: noTime, executable: false, key: "k",
                        condition: .always)),
                .end(item: 0, root: MerkleTree.root(size: 0, leaves: [])), .end(item: whole, root: nil),
            ], in: office
        ).get()
        guard case .fail(0, _)? = stored.first else { Issue.record("\(stored)"); return }
        #expect(try FileManager.default.contentsOfDirectory(atPath: office.here).isEmpty)
        #expect(
            try await answer(.change, [.change(item: 0, .makeFolder(target, parents: true))], in: office).get().count
                == 2)
        #expect(try FileManager.default.contentsOfDirectory(atPath: office.here).isEmpty)
    }

    @Test(arguments: [ShareVerb.offer, .store, .change]) func readOnlyIsReadOnly(_ verb: ShareVerb) async throws {
        let office = try TestOffice()
        let result = try await answer(verb, [.end(item: whole, root: nil)], in: office, mayWrite: false)
        #expect(throws: OfficeError.self) { try result.get() }
    }
}
