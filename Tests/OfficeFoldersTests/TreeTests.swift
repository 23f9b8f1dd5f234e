import CLinux
import Glibc
import OfficeCore
import OfficeFolders
import Testing

@Suite("Big, deep and busy folders")
struct TreeTests {
    private let ground = Playground()

    private func make(_ count: Int, in directory: String) {
        let handle = open(directory, O_PATH_DIRECTORY)
        for number in 0..<count {
            close(os_openat(handle, "file-\(number)", O_WRONLY | O_CREAT | O_CLOEXEC, 0o644))
        }
        close(handle)
    }

    private var O_PATH_DIRECTORY: Int32 { Int32(os_O_PATH) | O_DIRECTORY }

    @Test("100,000 entries stream: the first at once, all of them once, in flat memory")
    func listing() async throws {
        make(100_000, in: ground.shared)
        // In a process of its own, whose memory no other test uses.
        await #expect(processExitsWith: .success) { [shared = ground.shared as String] in
            let begin = ContinuousClock.now
            let listing = try Folder(at: Array(shared.utf8)).list(.root)
            let before = residentMemory()
            var seen = [Bool](repeating: false, count: 100_000)
            var (total, peak) = (0, 0)
            while true {
                let entries = try listing.next(upTo: 1000)
                if entries.isEmpty { break }
                #expect(entries.count <= 1000)
                if total == 0 { #expect(ContinuousClock.now - begin < .milliseconds(500)) }
                total += entries.count
                for entry in entries {
                    if let number = Int(entry.path.description.dropFirst("file-".count)) { seen[number] = true }
                }
                peak = max(peak, residentMemory() - before)
            }
            #expect(total == seen.count && !seen.contains(false))
            #expect(peak < 8 << 20)
            #expect(ContinuousClock.now - begin < .seconds(20))
        }
    }

    @Test("A tree wider than a batch and deeper than a path can say is removed, and nothing behind its links")
    func removal() throws {
        ground.write("outside", to: ground.outside + "/file")
        let folder = try ground.folder()
        for number in 0..<600 {
            mkdir(ground.shared + "/wide-\(number % 2)", 0o755)
            mkdir(ground.shared + "/wide-\(number % 2)/\(number)", 0o755)
            symlink("../../../outside", ground.shared + "/wide-\(number % 2)/\(number)/link")
        }
        try folder.remove(.of("wide-0"), recursive: true)
        try folder.remove(.of("wide-1"), recursive: true)
        let name = String(repeating: "d", count: 200)
        var here = try folder.subfolder(.root)
        for _ in 0..<60 {
            try here.makeDirectory(.of(name))
            here = try here.subfolder(.of(name))
            try Verb.commit.perform(here, .of("file"), spare: .root)
        }
        try folder.remove(.of(name), recursive: true)
        #expect(ground.names(ground.shared).isEmpty)
        #expect(ground.read(ground.outside + "/file") == "outside")
    }

    @Test("An empty-looking folder goes with the leftovers of transfers in it, but not with one under way")
    func leftovers() throws {
        let folder = try ground.folder()
        try folder.makeDirectory(.of("d"))
        let left = try folder.partial(for: .of("d/a"), key: "k")
        try left.appendJournal([1])
        left.close()
        let open = try folder.partial(for: .of("d/b"), key: "k")
        #expect(code { try folder.remove(.of("d"), recursive: false) } == .exists)
        open.close()
        ground.write("x", to: ground.shared + "/d/c")
        let again = try folder.partial(for: .of("d/b"), key: "k")
        again.close()
        #expect(code { try folder.remove(.of("d"), recursive: false) } == .exists)
        #expect(ground.names(ground.shared + "/d").count == 2, "nothing is removed of a folder that stays")
        try folder.remove(.of("d/c"), recursive: false)
        try folder.remove(.of("d"), recursive: false)
        #expect(ground.names(ground.shared).isEmpty)
    }

    @Test("Transfers that nobody went on with are cleared away; one under way, and younger ones, are not")
    func clearing() throws {
        let folder = try ground.folder()
        try folder.makeDirectory(.of("d"))
        for (path, isClosed) in [("a", true), ("d/b", true), ("d/open", false)] {
            let partial = try folder.partial(for: .of(path), key: "k")
            try partial.appendJournal([1])
            if isClosed { partial.close() } else { withExtendedLifetime(partial) {} }
        }
        let open = try folder.partial(for: .of("d/held"), key: "k")
        try open.appendJournal([1])
        ground.write("user's", to: ground.shared + "/d/file")
        let (past, future) = (FileTime(seconds: 1, nanoseconds: 0), FileTime(seconds: .max / 2, nanoseconds: 0))
        #expect(try folder.removeLeftovers(before: past) == 0)
        #expect(try folder.removeLeftovers(before: future) > 0)
        #expect(ground.names(ground.shared) == ["d"])
        #expect(ground.names(ground.shared + "/d").contains("file"))
        #expect(try folder.open(.of("d/file")).text() == "user's")
        try open.commit(modified: .now, executable: false, replacing: .never)
        #expect(ground.names(ground.shared + "/d") == ["file", "held"])
    }

    @Test("Another file system mounted in a folder is not emptied with it")
    func mounts() throws {
        let folder = try ground.folder()
        try folder.makeDirectory(.of("d"))
        try folder.makeDirectory(.of("d/mount"))
        try #require(run("mount", "-t", "tmpfs", "tmpfs", ground.shared + "/d/mount") == 0)
        defer { umount2(ground.shared + "/d/mount", Int32(MNT_DETACH)) }
        ground.write("kept", to: ground.shared + "/d/mount/file")
        #expect(code { try folder.remove(.of("d"), recursive: true) } == .notAllowed)
        #expect(ground.read(ground.shared + "/d/mount/file") == "kept")
        #expect(code { try folder.move(.of("d/mount/file"), to: .of("file"), replacing: .never) } == .cannotCreate)
    }

    @Test("A folder that was removed, or replaced by another one, is noticed")
    func linked() throws {
        mkdir(ground.shared + "/a", 0o755)
        let folder = try Folder(at: Array((ground.shared + "/a").utf8))
        let below = try ground.folder().subfolder(.of("a"))
        #expect(try folder.status().isLinked)
        #expect(try folder.status().freeBytes > 0)
        rename(ground.shared + "/a", ground.shared + "/b")
        #expect(try !folder.status().isLinked)
        #expect(try below.status().isLinked)
        mkdir(ground.shared + "/a", 0o755)
        #expect(try !folder.status().isLinked)
        rmdir(ground.shared + "/b")
        #expect(try !below.status().isLinked)
        #expect(code { try below.makeDirectory(.of("x")) } == .notFound)
        #expect(try below.list(.root).all().isEmpty)
    }

    @Test("A file's identity tells every change, and its token is read back")
    func identity() throws {
        ground.write("one", to: ground.shared + "/a")
        let file = try ground.folder().open(.of("a"))
        #expect(try file.currentIdentity() == file.identity)
        #expect(FileIdentity(token: file.identity.token) == file.identity)
        for token in ["", "1.2.3", file.identity.token + ".1", "a.b.c.d.e.f.g", "1.1.-1.1.1.1.1", "1.1.1.1.-1.1.1"] {
            #expect(FileIdentity(token: token) == nil)
        }
        chmod(ground.shared + "/a", 0o600)
        #expect(try file.currentIdentity() != file.identity)
        let changed = file.identity.changed
        let (later, earlier) = (changed.seconds + 3, changed.seconds + 1)
        #expect(file.identity.isSettled(now: FileTime(seconds: later, nanoseconds: 0)))
        #expect(!file.identity.isSettled(now: FileTime(seconds: earlier, nanoseconds: 0)))
        #expect(!file.identity.isSettled(now: FileTime(seconds: changed.seconds - 100, nanoseconds: 0)))
    }
}

/// Bytes of anonymous memory that this process has in RAM.
private func residentMemory() -> Int {
    var buffer = [UInt8](repeating: 0, count: 8192)
    let file = open("/proc/self/status", O_RDONLY | O_CLOEXEC)
    defer { close(file) }
    let text = String(decoding: buffer.prefix(max(0, read(file, &buffer, buffer.count))), as: UTF8.self)
    let line = text.split(separator: "\n").first { $0.hasPrefix("RssAnon:") } ?? ""
    return (line.split(separator: " ").dropLast().last.flatMap { Int($0) } ?? 0) << 10
}
