import Foundation
import OfficeCore
import Testing

@testable import OfficeTrust

@Suite struct LogStoreTests {
    let directory: TemporaryDirectory
    let office: TestOffice

    init() throws {
        directory = try TemporaryDirectory()
        office = try TestOffice(admins: ["pc2"], members: ["pc3"])
    }

    private var file: URL { URL(fileURLWithPath: directory.path + "/office.log") }

    private func open(limits: LogLimits = LogLimits()) async throws(OfficeError) -> LogStore {
        try await LogStore.open(in: directory.path, limits: limits)
    }

    /// Writes the office to the disk and closes it again.
    private func write() async throws {
        let store = try await open()
        try await store.begin(office.log)
    }

    @Test func whatWasAcknowledgedIsThereAfterwards() async throws {
        var store: LogStore? = try await open()
        #expect(await store?.log == nil)
        try await store?.begin(office.log)
        let pc1 = try office.node("pc1")
        let written = try await store?.write { log throws(OfficeError) in
            try log.renaming(pc1.id, to: Label("desk"), by: pc1, time: TestOffice.time)
        }
        #expect(written?.state.members[pc1.id]?.name.description == "desk")
        store = nil
        let again = try await open()
        let log = try #require(await again.log)
        #expect(log.state == written?.state)
        #expect(log.count == office.log.count + 1)
        #expect(await again.recovery == LogRecovery())
        try log.verify()
    }

    @Test func entriesOfPeersAreStoredOnce() async throws {
        var store: LogStore? = try await open()
        try await store?.begin(OfficeLog(first: office.log.orderedEntries[0].entry))
        let sealed = office.log.entries(missingFrom: []).map(\.sealed)
        #expect(try await store?.insert(sealed).accepted.count == 3)
        let size = try Data(contentsOf: file).count
        #expect(try await store?.insert(sealed).accepted.count == 0)
        #expect(try Data(contentsOf: file).count == size)
        store = nil
        #expect(try await open().log?.state == office.log.state)
    }

    @Test func aTornTailIsCutOffAndTheRestIsKept() async throws {
        try await write()
        let whole = try Data(contentsOf: file)
        let sizes = [1, 15, 16, 17, 100, 300]
        for size in sizes {
            try whole.dropLast(size).write(to: file)
            #expect(chmod(file.path, 0o600) == 0)
            let store = try await open()
            #expect(await store.log?.count == office.log.count - 1)
            let recovery = await store.recovery
            #expect(recovery.cutBytes > 0 && recovery.damagedBytes == 0)
            let missing = office.log.entries(missingFrom: []).suffix(1).map(\.sealed)
            #expect(try await store.insert(missing).accepted.count == 1)
            #expect(await store.log?.state == office.log.state)
        }
        #expect(try Data(contentsOf: file) == whole)
    }

    @Test func damageInTheMiddleLosesNothingBehindIt() async throws {
        try await write()
        var bytes = try Data(contentsOf: file)
        // In the body of the second of four entries.
        let second = try #require(bytes.dropFirst(4).range(of: Data("OSL1".utf8))).lowerBound
        bytes[second + 120] ^= 0xFF
        try bytes.write(to: file)
        #expect(chmod(file.path, 0o600) == 0)
        let store = try await open()
        let recovery = await store.recovery
        #expect(recovery.damagedBytes > 100 && recovery.cutBytes == 0)
        #expect(recovery.strandedEntries == 2)
        #expect(try Data(contentsOf: file) == bytes)
        // A peer gives what is missing, and all is there again.
        _ = try await store.insert(office.log.entries(missingFrom: []).map(\.sealed))
        #expect(await store.log?.state == office.log.state)
    }

    @Test func aDamagedFirstEntryIsSaid() async throws {
        try await write()
        var bytes = try Data(contentsOf: file)
        bytes[50] ^= 1
        try bytes.write(to: file)
        #expect(chmod(file.path, 0o600) == 0)
        await #expect(throws: OfficeError.self) { try await open() }
    }

    @Test func onlyOneProcessHasItOpenAndOthersPermissionsAreRefused() async throws {
        var store: LogStore? = try await open()
        do {
            _ = try await open()
            Issue.record("opened twice")
        } catch { #expect(error.code == .unavailable) }
        #expect(await store?.log == nil)
        store = nil
        _ = try await open()
        #expect(chmod(file.path, 0o640) == 0)
        do {
            _ = try await open()
            Issue.record("opened in spite of its permissions")
        } catch { #expect(error.code == .configuration) }
    }

    @Test func anOfficeLeftIsPutAsideForAnother() async throws {
        let store = try await open()
        try await store.begin(office.log)
        do {
            try await store.begin(office.log)
            Issue.record("began twice")
        } catch { #expect(error.code == .exists) }
        try await store.end()
        #expect(await store.log == nil)
        let other = try TestOffice()
        try await store.begin(other.log)
        #expect(await store.log?.office == other.log.office)
        let names = try FileManager.default.contentsOfDirectory(atPath: directory.path).sorted()
        #expect(names == ["office-\(office.log.office.short).log", "office.log"])
    }
}
