import Foundation
import NIOCore
import OfficeCore
import Synchronization
import Testing

@testable import OfficeTransfer

@Suite struct SyncTests {
    private func sync(
        _ office: TestOffice, down: Bool, _ change: (inout Synchronizer.Plan) -> Void = { _ in }
    ) async throws -> TransferSummary {
        var plan = Synchronizer.Plan()
        change(&plan)
        let synchronizer = Synchronizer(transport: try office.transport(), pool: office.pool, plan: plan)
        let local = Array((office.here + "/t").utf8)
        return down
            ? await synchronizer.download(try office.place("t"), to: local)
            : await synchronizer.upload(local, to: try office.place("t"))
    }

    @Test(arguments: [true, false]) func makesOneTreeEqualToAnother(_ down: Bool) async throws {
        let office = try TestOffice()
        let (from, to) = down ? (office.share, office.here) : (office.here, office.share)
        try shell(
            #"""
            mkdir -p t/a/b; for i in $(seq 100); do echo $i > t/a/$i; done; ln -s a/1 t/link
            head -c 500000 /dev/zero | tr '\0' x > t/big; touch -d @1 t/a/b
            """#, in: from)
        #expect(try await sync(office, down: down).failure == nil)
        #expect(try fingerprint(to + "/t") == fingerprint(from + "/t"))

        let again = try await sync(office, down: down)
        #expect(again.bytes == 0)
        #expect(again.files == 102)

        try shell(
            """
            echo changed > t/a/1; chmod +x t/a/2; rm t/a/3; ln -sfn a/4 t/link; printf y | dd of=t/big conv=notrunc 2>&-
            rmdir t/a/b; echo file > t/a/b; rm t/a/5; mkdir t/a/5
            """, in: from)
        try shell("mkdir -p t/extra/deep; echo x > t/extra/deep/f", in: to)
        let actions = Mutex([SyncAction]())
        let dry = try await sync(office, down: down) {
            $0.delete = true
            $0.dryRun = true
            $0.observe = { action in actions.withLock { $0.append(action) } }
        }
        #expect(dry.bytes == 0)
        let deleted = actions.withLock { $0.filter { if case .delete = $0 { true } else { false } } }
        #expect(deleted.count == 4)
        #expect(try await sync(office, down: down) { $0.delete = true }.failed == [])
        #expect(try fingerprint(to + "/t") == fingerprint(from + "/t"))
    }

    @Test func nothingIsDeletedUnlessAsked() async throws {
        let office = try TestOffice()
        try shell("mkdir t; echo 1 > t/a", in: office.share)
        try shell("mkdir t; echo 2 > t/b", in: office.here)
        #expect(try await sync(office, down: true).failure == nil)
        #expect(try FileManager.default.contentsOfDirectory(atPath: office.here + "/t").sorted() == ["a", "b"])
    }

    @Test func contentIsComparedWhereThatIsAsked() async throws {
        let office = try TestOffice()
        try shell("mkdir t; echo 1 > t/a; touch -d @5 t/a", in: office.share)
        try shell("mkdir t; echo 2 > t/a; touch -d @5 t/a", in: office.here)
        _ = try await sync(office, down: true)
        #expect(try content(office.here + "/t/a") == Data("2\n".utf8))
        _ = try await sync(office, down: true) { $0.comparesContent = true }
        #expect(try content(office.here + "/t/a") == Data("1\n".utf8))
    }
}

@Suite struct CatTests {
    private func cat(
        _ office: TestOffice, _ transport: LoopTransport? = nil
    ) async throws -> Data {
        let out = Mutex(Data())
        let reader = ContentReader(transport: try transport ?? office.transport(), pool: office.pool)
        try await reader.read(try office.place("file")) { piece in
            out.withLock { $0.append(contentsOf: piece.readableBytesView) }
        }
        return out.withLock { $0 }
    }

    @Test(arguments: [0, 1, 131_071, 131_072, 131_073, 700_000]) func readsAllOfIt(_ size: Int) async throws {
        let office = try TestOffice()
        try write(noise(size), to: office.share + "/file")
        #expect(try await cat(office) == noise(size))
    }

    @Test func readsHolesAndOverCuts() async throws {
        let office = try TestOffice()
        try shell("truncate -s 1M file; head -c 900000 /dev/urandom >> file; truncate -s 3M file", in: office.share)
        let transport = try office.transport { carried in
            carried.verb == .fetch && carried.way == .answer && carried.exchange < 4 && carried.offset > 100_000
                ? .reset(after: 5000) : .none
        }
        #expect(try await cat(office, transport) == content(office.share + "/file"))
    }

    @Test func aFileThatChangesEndsIt() async throws {
        let office = try TestOffice()
        let path = office.share + "/file"
        try write(noise(3_000_000), to: path)
        let transport = try office.transport { carried in
            if carried.verb == .fetch, carried.way == .answer, carried.offset > 1_500_000 {
                try? noise(3_000_000, seed: 5).write(to: URL(fileURLWithPath: path))
            }
            return .none
        }
        await #expect(throws: OfficeError.self) { try await cat(office, transport) }
    }
}

@Suite struct ListingTests {
    @Test func streamsAndFilters() async throws {
        let office = try TestOffice()
        try shell("mkdir -p a/b; for i in $(seq 2000); do : > a/b/$i.txt; done; : > a/x.md", in: office.share)
        func names(_ request: ListRequest) async throws -> [String] {
            try await office.transport().list(request, node: TestOffice.node, share: TestOffice.share) { listing in
                var names: [String] = []
                for try await batch in listing { names += batch.entries.map(\.path.description) }
                return names
            }
        }
        #expect(try await names(ListRequest(path: .root)) == ["a"])
        #expect(try await names(ListRequest(path: .root, recursive: true)).count == 2003)
        #expect(try await names(ListRequest(path: .root, recursive: true, pattern: Array("*.md".utf8))) == ["a/x.md"])
        #expect(try await names(ListRequest(path: .root, recursive: true, limit: 10)).count == 10)
        let file = try RelativePath(parsing: "a/x.md")
        #expect(try await names(ListRequest(path: file)) == [""])
        await #expect(throws: OfficeError.self) {
            try await names(ListRequest(path: try RelativePath(parsing: "none")))
        }
    }

    @Test func veryDeepTreesAreListedWhole() async throws {
        let office = try TestOffice()
        try shell("p=d; for i in $(seq 300); do p=$p/d; done; mkdir -p $p; echo x > $p/f", in: office.share)
        let summary = try await office.get("d", to: "copy")
        #expect(summary.failure == nil)
        #expect(try fingerprint(office.here + "/copy") == fingerprint(office.share + "/d"))
    }
}

@Suite struct OutcomeTests {
    /// The other side knows a share by its own name alone.
    @Test(arguments: [("docs", "pc1/docs"), ("docs/a", "docs/a"), ("transfer", "pc1/docs"), ("cs", "cs")])
    func whatFailsIsNamedByItsNode(_ what: String, _ shown: String) async throws {
        let office = try TestOffice()
        let session = TransferSession(transport: try office.transport(), pool: office.pool, options: TransferOptions())
        _ = await Outcome.of("pc1/docs", in: session) { throw OfficeError(.notAllowed, what, "it is read-only") }
        #expect(session.ledger.finish(failure: nil).failed.map(\.path) == [shown])
    }
}

@Suite struct PaceTests {
    @Test func theLimitHolds() async throws {
        let office = try TestOffice()
        try write(noise(2_000_000), to: office.share + "/file")
        let clock = HandClock()
        let summary = try await office.get("file") {
            $0.bytesPerSecond = 100_000
            $0.clock = clock.transferClock
        }
        #expect(summary.failure == nil)
        #expect((19.0...21.0).contains(summary.seconds))
    }

    @Test func progressIsExactAndEnds() async throws {
        let office = try TestOffice()
        try shell("mkdir t; for i in $(seq 50); do head -c 10000 /dev/urandom > t/$i; done", in: office.share)
        let last = Mutex(TransferProgress())
        let summary = try await office.get("t") { $0.progress = { progress in last.withLock { $0 = progress } } }
        let end = last.withLock { $0 }
        #expect(end.isFinished)
        #expect((end.files, end.totalFiles, end.bytes, end.totalBytes) == (50, 50, 500_000, 500_000))
        #expect(summary.sources.first?.blocks == 50)
    }
}
