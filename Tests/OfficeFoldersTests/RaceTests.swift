import CLinux
import Glibc
import OfficeCore
import OfficeFolders
import Synchronization
import Testing

@Suite("A local user who swaps folders and links while every verb runs")
struct RaceTests {
    private let ground = Playground(alone: true)

    /// Does something while another thread exchanges pairs of names, over and over; answers how often it did.
    private func racing(_ pairs: [(String, String)], _ body: () throws -> Void) throws -> Int {
        let shared = ground.shared
        let isRunning = Flag()
        let swapper = Errand {
            var count = 0
            while isRunning.isUp {
                for (a, b) in pairs {
                    count += os_renameat2(AT_FDCWD, shared + "/" + a, AT_FDCWD, shared + "/" + b, 2) == 0 ? 1 : 0
                }
            }
            return count
        }
        let outcome = Result(catching: body)
        isRunning.lower()
        let swaps = try #require(swapper.join())
        try outcome.get()
        return swaps
    }

    final class Flag: Sendable {
        private let flag = Atomic(true)
        var isUp: Bool { flag.load(ordering: .relaxed) }
        func lower() { flag.store(false, ordering: .relaxed) }
    }

    @Test("Of 20,000 operations none reaches a file outside, and those inside still work")
    func swapper() throws {
        let secret = String(repeating: "outside ", count: 200)
        for base in [ground.shared + "/dir", ground.outside] {
            mkdir(base, 0o755)
            mkdir(base + "/sub", 0o755)
        }
        for name in ["file", "sub/file", "spare"] { ground.write(secret, to: ground.outside + "/" + name) }
        symlink("../outside", ground.shared + "/link")
        symlink("../../outside", ground.shared + "/dir/sublink")
        symlink(ground.outside + "/file", ground.shared + "/filelink")
        ground.write("inside", to: ground.shared + "/file")
        mkdir(ground.shared + "/stable", 0o755)
        ground.write("stable", to: ground.shared + "/stable/file")
        let canaries = Canaries(
            ["", "/file", "/sub", "/sub/file", "/spare"].map { ground.outside + $0 } + [ground.path])

        let folder = try ground.folder()
        var succeeded = 0
        var allowed: [OfficeError.Code: Int] = [:]
        let paths = try ["dir/file", "dir/sub", "dir/sub/file", "dir/new", "file"].map { try RelativePath.of($0) }
        let spare = try RelativePath.of("stable/spare")
        let swaps = try racing([("dir", "link"), ("file", "filelink"), ("dir/sub", "dir/sublink")]) {
            for number in 0..<20_000 {
                let verb = Verb.allCases[number % Verb.allCases.count]
                let path = paths[number / Verb.allCases.count % paths.count]
                if number % 100 == 0 {
                    try? folder.remove(spare, recursive: true)
                    try Verb.commitOver.perform(folder, spare, spare: spare)
                    try? folder.makeDirectory(.of("dir/sub"))
                    #expect(try folder.open(.of("stable/file")).text() == "stable")
                }
                do {
                    if case .entry = verb {
                        #expect(try folder.entry(path).size != Int64(secret.utf8.count), "an entry of a file outside")
                    } else if case .open = verb {
                        #expect(try folder.open(path).text() != secret, "the content of a file outside")
                    } else {
                        try verb.perform(folder, path, spare: spare)
                    }
                    succeeded += 1
                } catch let error as OfficeError {
                    allowed[error.code, default: 0] += 1
                }
            }
        }
        #expect(swaps > 1000)
        #expect(succeeded > 1000)
        #expect(Set(allowed.keys).isSubset(of: [.notAllowed, .notFound, .exists, .temporary, .changed]))
        #expect(canaries.touched.isEmpty)
        #expect(ground.names(ground.outside) == ["file", "sub", "spare"])
        #expect(ground.names(ground.outside + "/sub") == ["file"])
        for name in ["file", "sub/file", "spare"] { #expect(ground.read(ground.outside + "/" + name) == secret) }
    }

    @Test("Removing a tree whose folders turn into links removes nothing behind them")
    func removal() throws {
        mkdir(ground.outside + "/sub", 0o755)
        ground.write("secret", to: ground.outside + "/sub/file")
        let canaries = Canaries(["", "/sub", "/sub/file"].map { ground.outside + $0 })
        let folder = try ground.folder()
        for round in 0..<50 {
            for path in ["/tree", "/tree/a", "/tree/a/sub"] { mkdir(ground.shared + path, 0o755) }
            for number in 0..<50 { ground.write("x", to: ground.shared + "/tree/a/sub/\(number)") }
            symlink("../../outside", ground.shared + "/tree/b")
            _ = try racing([("tree/a", "tree/b")]) {
                // The swapper may put a full folder behind the walk again and again; in the end it is done.
                var last: OfficeError.Code?
                repeat { last = code { try folder.remove(.of("tree"), recursive: true) } } while last == .temporary
                #expect(last == nil, "round \(round)")
            }
            run("rm", "-rf", ground.shared + "/tree")
        }
        #expect(canaries.touched.isEmpty)
        #expect(ground.read(ground.outside + "/sub/file") == "secret")
    }

    @Test("Of two who commit one name at the same moment, exactly one wins")
    func committers() throws {
        let ground = Playground(in: Playground.memory)
        let folder = try ground.folder()
        for round in 0..<200 {
            let path = try RelativePath.of("file-\(round)")
            let start = Flag()
            let writers = ["first", "second"].map { text in
                Errand {
                    code {
                        let partial = try folder.partial(for: path, key: text)
                        try partial.write(text)
                        while start.isUp {}
                        do {
                            try partial.commit(
                                modified: .now, executable: false, replacing: .never, durableDirectory: false)
                        } catch {
                            try partial.discard()
                            throw error
                        }
                    }
                }
            }
            start.lower()
            let codes = writers.map { $0.join() }
            #expect(codes.count { $0 == .some(nil) } == 1)
            #expect(codes.count { $0 == .exists } == 1)
        }
        #expect(ground.names(ground.shared).count == 200)
    }

    @Test("Who waits for a partial file that is committed meanwhile gets a new one, never the delivered file")
    func handover() throws {
        let ground = Playground(in: Playground.memory)
        let folder = try ground.folder()
        let path = try RelativePath.of("file")
        for _ in 0..<200 {
            let first = try folder.partial(for: path, key: "k")
            try first.write("delivered")
            let second = Errand { () -> Bool in
                while true {
                    if let partial = try? folder.partial(for: path, key: "k") {
                        defer { try? partial.discard() }
                        try? partial.write("MIXED")
                        return partial.isNew
                    }
                }
            }
            try first.commit(modified: .now, executable: false, replacing: .always, durableDirectory: false)
            #expect(second.join() == true)
            #expect(ground.read(ground.shared + "/file") == "delivered")
        }
    }
}
