import Foundation
import NIOCore
import OfficeCore
import OfficeFolders
import Testing

@testable import OfficeTransfer

private let block = BlockGeometry.smallestBlock

@Suite struct DownloadTests {
    @Test func copiesATreeExactly() async throws {
        let office = try TestOffice()
        try shell(
            #"""
            mkdir -p a/b/empty $'we\x01ird\n' "ä ö" a/$'\xff\xfe'
            printf x > a/one; : > a/nothing; chmod 755 a/one
            for n in 131071 131072 131073 262144 400000; do head -c $n /dev/urandom > "ä ö/$n"; done
            printf y > a/$'\xff\xfe'/$'\xc3'; ln -s ../a/one a/link; ln -s /nowhere dangling
            truncate -s 5M sparse; printf end >> sparse
            for i in $(seq 600); do echo $i > a/b/f$i; done
            find . -exec touch -h -d '2001-02-03 04:05:06.123456789' {} +
            touch -d '1999-01-01 00:00:00.000000001' a
            """#, in: office.share)
        let summary = try await office.get("", to: "copy")
        #expect(summary.failed == [])
        #expect(summary.failure == nil)
        #expect(try fingerprint(office.here + "/copy") == fingerprint(office.share))
        #expect(summary.sources.map(\.node) == ["pc1"])
        // The hole did not travel.
        #expect(summary.bytes < 2_000_000)
        let leftOver = try FileManager.default.contentsOfDirectory(atPath: office.here)
        #expect(leftOver == ["copy"])
    }

    @Test func againIsDoneAndMovesNothing() async throws {
        let office = try TestOffice()
        try write(noise(300_000), to: office.share + "/file")
        _ = try await office.get("file")
        let again = try await office.get("file")
        #expect(again.failure == nil)
        #expect(again.files == 1)
        #expect(again.bytes == 0)
        #expect(again.resumedBytes == 300_000)
    }

    @Test func aDifferentFileIsLeftAloneUnlessForced() async throws {
        let office = try TestOffice()
        try write(noise(300_000), to: office.share + "/file")
        try write(noise(300_000, seed: 2), to: office.here + "/file")
        let refused = try await office.get("file")
        #expect(refused.failure == .exists)
        #expect(try content(office.here + "/file") == noise(300_000, seed: 2))
        let forced = try await office.get("file") { $0.force = true }
        #expect(forced.failure == nil)
        #expect(try content(office.here + "/file") == noise(300_000))
    }

    @Test func errorsHaveTheirCodes() async throws {
        let office = try TestOffice()
        try shell("mkdir folder", in: office.share)
        #expect(try await office.get("nothing").failure == .notFound)
        #expect(try await office.get("folder") { $0.recursive = false }.failure == .usage)
        #expect(try await office.get("folder", to: "no/such/place").failure == .cannotCreate)
        let downloader = Downloader(transport: try office.transport(), pool: office.pool)
        let offline = RemotePlace(node: label("pc9"), share: TestOffice.share)
        #expect(await downloader.get([offline], to: Array(office.here.utf8)).failure == .unavailable)
    }
}
