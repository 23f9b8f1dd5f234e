import CLinux
import Glibc
import OfficeCore
import OfficeFolders
import Testing

@Suite("Files while they are received")
struct PartialFileTests {
    private let ground = Playground()
    private let time = FileTime(seconds: -5, nanoseconds: 999_999_999)

    private func identity(_ folder: Folder, _ name: String) throws -> FileIdentity {
        try folder.open(.of(name)).identity
    }

    @Test("Only what is still as it was seen is replaced; else both versions are kept")
    func ifUnchanged() throws {
        let folder = try ground.folder()
        ground.write("old", to: ground.shared + "/a")
        let seen = try identity(folder, "a")
        let first = try folder.partial(for: .of("a"), key: "1")
        try first.write("new")
        try first.commit(modified: time, executable: false, replacing: .ifUnchanged(seen))
        #expect(ground.read(ground.shared + "/a") == "new")
        #expect(try folder.entry(.of("a")).modified == time)

        let second = try folder.partial(for: .of("a"), key: "2")
        try second.write("newer")
        for replacing in [Replacement.ifUnchanged(seen), .never] {
            let expected: OfficeError.Code = replacing == .never ? .exists : .changed
            #expect(code { try second.commit(modified: time, executable: false, replacing: replacing) } == expected)
            #expect(ground.read(ground.shared + "/a") == "new")
        }
        let now = try identity(folder, "a")
        try folder.remove(.of("a"), recursive: false)
        #expect(code { try second.commit(modified: time, executable: false, replacing: .ifUnchanged(now)) } == .changed)
        try second.commit(modified: time, executable: false, replacing: .never)
        #expect(ground.read(ground.shared + "/a") == "newer")
        #expect(ground.names(ground.shared) == ["a"])
    }

    @Test("A change in the very moment of the exchange is noticed, and the changed file stays")
    func exchangeRace() throws {
        let ground = Playground(in: Playground.memory)
        let folder = try ground.folder()
        let shared = ground.shared
        for round in 0..<300 {
            ground.write("old", to: shared + "/a")
            let seen = try identity(folder, "a")
            let partial = try folder.partial(for: .of("a"), key: "k")
            try partial.write("new")
            let editor = Errand { () -> Bool in
                // As editors save: a new file, renamed over the old one.
                let fd = creat(shared + "/edited", 0o644)
                _ = Glibc.write(fd, "edited", 6)
                close(fd)
                return rename(shared + "/edited", shared + "/a") == 0
            }
            let result = code {
                try partial.commit(
                    modified: .now, executable: false, replacing: .ifUnchanged(seen), durableDirectory: false)
            }
            #expect(editor.join() == true)
            #expect(result == nil || result == .changed, "round \(round)")
            // The editor came last, or first and was noticed: its file is never lost.
            #expect(ground.read(shared + "/a") == "edited")
            if result != nil { try partial.discard() }
            #expect(ground.names(shared) == ["a"])
        }
    }

    @Test("A folder of the name is never replaced by a file")
    func folder() throws {
        let folder = try ground.folder()
        try folder.makeDirectory(.of("a"))
        let partial = try folder.partial(for: .of("a"), key: "k")
        for replacing in [Replacement.never, .always] {
            #expect(code { try partial.commit(modified: time, executable: false, replacing: replacing) } == .exists)
        }
        try partial.discard()
        #expect(code { try partial.write("x") } == .fault)
    }

    @Test("Holes stay holes, and are found")
    func sparse() throws {
        let folder = try ground.folder()
        let partial = try folder.partial(for: .of("sparse"), key: "k")
        try partial.setSize(1 << 30)
        try partial.write("data", at: 512 << 20)
        try partial.commit(modified: time, executable: false, replacing: .never)
        let file = try folder.open(.of("sparse"))
        #expect(file.identity.size == 1 << 30)
        #expect((ground.status(ground.shared + "/sparse")?.st_blocks ?? .max) < 64)
        #expect(file.nextData(from: 0) == 512 << 20)
        #expect(file.nextData(from: 513 << 20) == nil)
        #expect(file.nextData(from: 1 << 30) == nil)
    }

    @Test("Impossible places and sizes are refused")
    func bounds() throws {
        let folder = try ground.folder()
        let partial = try folder.partial(for: .of("a"), key: "k")
        #expect(code { try partial.write("x", at: -1) } == .malformed)
        #expect(code { try partial.write("x", at: .max) } == .malformed)
        #expect(code { try partial.setSize(-1) } == .malformed)
        #expect(throws: OfficeError.self) { try partial.setSize(.max) }
        try partial.write("x")
        #expect(code { _ = try partial.read(into: .init(start: nil, count: 0), at: -1) } == .malformed)
        let limit = PartialFile.maximumJournal
        try partial.appendJournal([UInt8](repeating: 1, count: limit))
        #expect(code { try partial.appendJournal([1]) } == .limit)
        #expect(try partial.journal().count == limit)
        try partial.resetJournal()
        #expect(try partial.journal().isEmpty)
    }

    @Test("What somebody put under a temporary's name is not written to")
    func planted() throws {
        let folder = try ground.folder()
        let first = try folder.partial(for: .of("a"), key: "k")
        try first.appendJournal([1])
        first.close()
        let names = ground.names(ground.shared).map { ground.shared + "/" + $0 }
        ground.write("victim", to: ground.outside + "/victim")
        for plant in ["link", "hard link", "pipe", "other's file"] {
            for name in names {
                unlink(name)
                switch plant {
                case "link": symlink("../outside/victim", name)
                case "hard link": link(ground.outside + "/victim", name)
                case "pipe": mkfifo(name, 0o666)
                default:
                    ground.write("theirs", to: name)
                    chown(name, User.other, User.other)
                }
            }
            let partial = try folder.partial(for: .of("a"), key: "k")
            #expect(partial.isNew, "\(plant)")
            #expect(try partial.journal().isEmpty)
            try partial.write("ours")
            try partial.appendJournal([2])
            partial.close()
            #expect(ground.read(ground.outside + "/victim") == "victim")
        }
    }

    @Test("A full disk is said, what is there stays, and the transfer goes on once there is space")
    func noSpace() throws {
        try #require(run("mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", ground.shared) == 0)
        defer { umount2(ground.shared, Int32(MNT_DETACH)) }
        let folder = try ground.folder()
        let ballast = try folder.partial(for: .of("ballast"), key: "k")
        try ballast.write(String(repeating: "b", count: 4 << 20))
        try ballast.commit(modified: time, executable: false, replacing: .never)
        let partial = try folder.partial(for: .of("big"), key: "k")
        let piece = String(repeating: "x", count: 1 << 20)
        var written: Int64 = 0
        let full = #expect(throws: OfficeError.self) {
            while true {
                try partial.write(piece, at: written)
                written += 1 << 20
                try partial.appendJournal([1])
            }
        }
        #expect(full?.code == .noSpace)
        #expect(full?.mend != nil)
        #expect(written >= 3 << 20)
        partial.close()
        #expect(code { _ = try folder.entry(.of("big")) } == .notFound)
        try folder.remove(.of("ballast"), recursive: false)
        let again = try folder.partial(for: .of("big"), key: "k")
        #expect(!again.isNew)
        #expect(try again.journal().count <= Int(written >> 20))
        #expect(try again.size() >= written)
        try again.write(piece, at: written)
        try again.commit(modified: time, executable: false, replacing: .never)
        #expect(try folder.open(.of("big")).identity.size == written + 1 << 20)
    }

    @Test("What root's daemon makes belongs to the folder's owner")
    func ownership() throws {
        chown(ground.shared, User.owner, User.other)
        let folder = try ground.folder()
        try folder.makeDirectory(.of("d"))
        try folder.makeSymlink(.of("d/l"), target: [0x61])
        try Verb.commit.perform(folder, .of("d/f"), spare: .root)
        for name in ["/d", "/d/l", "/d/f"] {
            let status = try #require(ground.status(ground.shared + name))
            #expect(status.st_uid == User.owner)
            #expect(status.st_gid == User.other)
        }
        // And where the owner may not write, root still can.
        mkdir(ground.shared + "/roots", 0o700)
        try Verb.commit.perform(folder, .of("roots/f"), spare: .root)
        #expect(ground.status(ground.shared + "/roots/f")?.st_uid == 0)
    }

    @Test("A private file that is replaced stays private")
    func privacy() throws {
        let folder = try ground.folder()
        ground.write("old", to: ground.shared + "/a")
        chmod(ground.shared + "/a", 0o600)
        try Verb.commitOver.perform(folder, .of("a"), spare: .root)
        #expect((ground.status(ground.shared + "/a")?.st_mode ?? 0) & 0o777 == 0o700)
    }
}
