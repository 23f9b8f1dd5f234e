import Foundation
import OfficeCore
import OfficeFolders
import Synchronization
import Testing

@testable import OfficeTransfer

/// Disks that are full, and two that want the same.
@Suite(.serialized) struct DiskTests {
    /// A tmpfs of 8 MB in place of a folder, for as long as `body` runs.
    private func withSmallDisk(at path: String, _ body: () async throws -> Void) async throws {
        try shell("mount -t tmpfs -o size=8m tmpfs .", in: path)
        do {
            try await body()
        } catch {
            try shell("umount -l '\(path)'", in: "/")
            throw error
        }
        try shell("umount -l '\(path)'", in: "/")
    }

    @Test func aFullDiskEndsAGetThatGoesOnWhenThereIsRoom() async throws {
        let office = try TestOffice()
        try write(noise(6_000_000), to: office.share + "/file")
        try await withSmallDisk(at: office.here) {
            try write(noise(5_000_000, seed: 4), to: office.here + "/ballast")
            let full = try await office.get("file", to: "copy")
            #expect(full.failure == .noSpace)
            #expect(!FileManager.default.fileExists(atPath: office.here + "/copy"))
            try FileManager.default.removeItem(atPath: office.here + "/ballast")
            let again = try await office.get("file", to: "copy")
            #expect(again.failure == nil)
            #expect(again.resumedBytes > 1_000_000)
            #expect(try content(office.here + "/copy") == noise(6_000_000))
        }
    }

    @Test func aFullDiskThereEndsAPut() async throws {
        let office = try TestOffice()
        try shell("mkdir t; for i in 1 2 3 4; do head -c 3000000 /dev/urandom > t/$i; done", in: office.here)
        try await withSmallDisk(at: office.share) {
            let summary = try await office.put("t")
            #expect(summary.failure == .noSpace)
            let names = try FileManager.default.contentsOfDirectory(atPath: office.share + "/t")
            for name in names where !name.hasPrefix(".") {
                #expect(try content(office.share + "/t/" + name) == content(office.here + "/t/" + name))
            }
        }
    }

    @Test func ofTwoThatReceiveTheSameOneWaits() async throws {
        let office = try TestOffice()
        try write(noise(5_000_000), to: office.share + "/file")
        let inner = Mutex<TransferSummary?>(nil)
        let begun = Mutex(false)
        let transport = try office.transport { carried in
            guard carried.verb == .fetch, carried.way == .answer, carried.offset > 1_000_000,
                !begun.withLock({ was in
                    defer { was = true }; return was
                })
            else { return .none }
            return .delayed {
                let summary = try? await office.get("file")
                inner.withLock { $0 = summary }
            }
        }
        let summary = try await office.get("file", transport)
        #expect(summary.failure == nil)
        #expect(inner.withLock { $0 }?.failure == .temporary)
        #expect(try content(office.here + "/file") == noise(5_000_000))
    }

    /// The old exchange is still there, as one whose connection died unseen: the newcomer takes over.
    @Test func anUploadThatComesBackTakesItsPartialFileOver() async throws {
        let office = try TestOffice()
        try write(noise(5_000_000), to: office.here + "/file")
        let second = Mutex<TransferSummary?>(nil)
        let begun = Mutex(false)
        let transport = try office.transport { carried in
            guard carried.verb == .store, carried.way == .request, carried.offset > 1_000_000,
                !begun.withLock({ was in
                    defer { was = true }; return was
                })
            else { return .none }
            return .delayed {
                let summary = try? await office.put("file")
                second.withLock { $0 = summary }
            }
        }
        _ = try await office.put("file", transport) { $0.clock = HandClock().transferClock }
        #expect(second.withLock { $0 }?.failure == nil)
        #expect(try content(office.share + "/file") == noise(5_000_000))
    }
}
