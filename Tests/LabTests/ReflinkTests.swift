import Foundation
import OfficeLab
import Testing

/// A store on a file system that shares blocks between files: what is the same in two versions of a file is there once.
@Suite(.serialized, .lab, .timeLimit(.minutes(3)))
struct ReflinkTests {
    private struct Version: Decodable { let version: String, size: Int }

    private static let megabytes = 48
    private static let saves = 6

    @Test(arguments: ["mkfs.xfs -q -m reflink=1", "mkfs.btrfs -q"])
    func whatIsTheSameIsThereOnce(_ make: String) async throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/sbin/\(make.split(separator: " ")[0])") else {
            throw LabLack(description: "\(make) isn't installed: packaging/install-dependencies lab")
        }
        try await withOffice("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let mount =
                "truncate -s 1G /srv/disk; \(make) /srv/disk; mkdir -p /srv/store; mount -o loop /srv/disk /srv/store"
            try await pc1.shell("set -e; " + mount).checked()
            try await pc1.must("promote", "--store", "/srv/store")
            try await pc1.must("space", "add", "docs")
            try await eventually("pc2 reaches it", within: promised(10)) {
                try await pc2.officeshare(["ls", "office/docs"], as: "bob").status == 0
            }
            try await pc2.shell("head -c \(Self.megabytes)M /dev/urandom >file; cp file save-0", as: "bob").checked()
            try await pc2.must("put", "./file", "office/docs/file", as: "bob")
            let before = try await used(pc1)
            for save in 1...Self.saves {
                let edit =
                    "dd if=/dev/urandom of=file bs=4096 count=64 seek=$((RANDOM % 12000)) conv=notrunc status=none"
                try await pc2.shell("\(edit); cp file save-\(save)", as: "bob").checked()
                try await pc2.must("put", "--force", "./file", "office/docs/file", as: "bob")
            }
            // All of them together take little more than what was changed.
            let grown = try await used(pc1) - before
            #expect(grown < (Self.megabytes << 20) / 2, "\(grown) bytes for \(Self.saves) saves")
            // And each is what it was.
            let versions = try await pc2.ask("versions", "office/docs/file", as: "bob", of: [Version].self)
            #expect(versions.count == Self.saves)
            for (age, version) in versions.enumerated() {
                try await pc2.must(
                    "restore", "office/docs/file@\(version.version)", "--to", "office/docs/back-\(age)", as: "bob")
                try await pc2.must("get", "office/docs/back-\(age)", "back", "--force", as: "bob")
                try await pc2.run(["cmp", "back", "save-\(Self.saves - 1 - age)"], as: "bob").checked()
            }
            // What was brought back shares its blocks with the version.
            #expect(try await used(pc1) - before < (Self.megabytes << 20) / 2)
            try await pc1.stopDaemon()
            try await pc1.shell("umount /srv/store").checked()
        }
    }

    private func used(_ host: LabHost) async throws -> Int {
        let output = try await host.shell("sync -f /srv/store; df --output=used -B1 /srv/store | tail -n1").checked()
        return try #require(Int(output.stdout.filter(\.isNumber)))
    }
}

struct LabLack: Error, CustomStringConvertible { let description: String }
