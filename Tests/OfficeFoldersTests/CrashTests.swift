import CLinux
import Glibc
import OfficeCore
import OfficeFolders
import Synchronization
import Testing

@Suite("Processes that die, and processes that run out")
struct CrashTests {
    private static let size = 256 << 10

    @Test("Killed at any moment of replacing a file, it is the old one or the new one, whole", arguments: 0..<8)
    func kill(round: Int) async throws {
        let ground = Playground(in: Playground.memory)
        let (shared, name) = (ground.shared, "file")
        await #expect(processExitsWith: .signal(SIGKILL)) { [shared = shared as String, round = round as Int] in
            let folder = try Folder(at: Array(shared.utf8))
            let commits = Atomic(0)
            let killer = Errand {
                while commits.load(ordering: .relaxed) < 3 + round {}
                // A moment that is another one in each round, somewhere in the next commits.
                for _ in 0..<Int.random(in: 0..<2_000_000) where commits.load(ordering: .relaxed) < 0 {}
                Glibc.kill(getpid(), SIGKILL)
            }
            for generation in 0..<UInt8.max {
                let partial = try folder.partial(for: .of("file"), key: "k")
                let bytes = [UInt8](repeating: generation, count: Self.size)
                try bytes.withUnsafeBytes { try partial.write($0, at: 0) }
                try partial.appendJournal([generation])
                let replacing: Replacement =
                    if generation % 2 == 0 { .always } else { .ifUnchanged(try folder.open(.of("file")).identity) }
                try partial.commit(modified: .now, executable: false, replacing: replacing, durableDirectory: false)
                commits.add(1, ordering: .relaxed)
            }
            _ = killer.join()
        }
        let bytes = try #require(ground.bytes(shared + "/" + name))
        let first = try #require(bytes.first)
        #expect(bytes.count == Self.size)
        #expect(bytes.allSatisfy { $0 == first })
        // What was left is gone on with, by the next process.
        let folder = try ground.folder()
        let partial = try folder.partial(for: .of(name), key: "k")
        if partial.isNew { #expect(try partial.journal().isEmpty) }
        try partial.commit(modified: .now, executable: false, replacing: .always)
        #expect(ground.names(shared) == [name])
    }

    @Test("Out of descriptors, every verb says so and what would mend it; with some free again it works")
    func descriptors() async {
        let ground = Playground()
        let shared = ground.shared
        ground.write("x", to: shared + "/spare")
        ground.write("x", to: shared + "/file")
        mkdir(shared + "/folder", 0o755)
        await #expect(processExitsWith: .success) { [shared = shared as String] in
            let folder = try Folder(at: Array(shared.utf8))
            var limit = rlimit(rlim_cur: 64, rlim_max: 64)
            #expect(setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0)
            // Of its own: standard input may be closed.
            let null = open("/dev/null", O_RDONLY)
            var held = [null]
            for verb in Verb.allCases {
                // Each time anew: what else runs in the process may have closed one of its own.
                while case let fd = dup(null), fd >= 0 { held.append(fd) }
                // In a subfolder, so that every verb needs a descriptor.
                let error = #expect(throws: OfficeError.self, "\(verb)") {
                    try verb.perform(folder, .of("folder/x"), spare: .of("folder/y"))
                }
                #expect(error?.code == .limit, "\(verb)")
                #expect(error?.mend != nil)
            }
            #expect(code { _ = try folder.unreadable(limit: 1) } == .limit)
            for fd in held { close(fd) }
            #expect(try folder.open(.of("file")).text() == "x")
        }
    }
}
