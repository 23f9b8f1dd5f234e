package import OfficeCore

/// The probe: two nodes test together whether what one does on a store is what the other sees, at once, before it is
/// served by both. Each thing that is tested is one that officeshare relies on; a refusal says on one line what fails and
/// the option that would mend it.
package struct ProbePlan: Sendable {
    package typealias Hand = @Sendable (ProbeStep) async throws -> ProbeAnswer

    /// What is good to know of a store that passes.
    package struct Report: Sendable, Equatable {
        package var fileSystem: String?
        package var keepsNanoseconds = false
        package var keepsAttributes = false
    }

    /// How often what is kept in a cache is asked for: right after it was changed elsewhere, each time.
    private static let rounds = 3
    /// How long a lock may stay whose holder is gone, in tries.
    private static let lockTries = 20
    private static let lockPause = Duration.milliseconds(250)

    let first: Hand
    let second: Hand
    /// The store, as errors name it.
    let what: String

    package init(first: @escaping Hand, second: @escaping Hand, what: String) {
        self.first = first
        self.second = second
        self.what = what
    }

    package func run() async throws -> Report {
        _ = try await first(.begin)
        let result: Result<Report, any Error>
        do {
            result = .success(try await test())
        } catch {
            result = .failure(error)
        }
        _ = try? await second(.drop("lock"))
        _ = try? await first(.end)
        return try result.get()
    }

    private func test() async throws -> Report {
        let kind = try await first(.fileSystem).text
        try await checkIsSame(kind)
        for (one, other) in [(first, second), (second, first)] {
            try await checkContents(one, other, kind)
            try await checkNames(one, other, kind)
            try await checkExclusion(one, other, kind)
        }
        let features = try await first(.features("same"))
        return Report(
            fileSystem: kind, keepsNanoseconds: features.keepsNanoseconds == true,
            keepsAttributes: features.keepsAttributes == true)
    }

    /// The second node sees a word that the first has just written: it is no copy, and no other folder.
    private func checkIsSame(_ kind: String?) async throws {
        let word = "\(UInt64.random(in: 0...UInt64.max))"
        _ = try await first(.put("same", word))
        let seen: ProbeAnswer?
        do {
            seen = try await second(.read("same"))
        } catch let error as OfficeError where error.code == .notFound {
            seen = nil
        }
        guard seen?.text != word else { return }
        throw Self.another(what)
    }

    /// What the probe throws where the two nodes don't have the same folder at that path.
    package static func another(_ what: String) -> OfficeError {
        OfficeError(
            .exists, what, "it is not the same store on both nodes",
            mend: "Mount the same file system there on both, or name another folder for a standby with its own copy.")
    }

    private func checkContents(_ one: Hand, _ other: Hand, _ kind: String?) async throws {
        _ = try await one(.put("text", "begin"))
        _ = try await other(.hold("text"))
        for round in 1...Self.rounds {
            // Longer each time: contents and sizes are kept in different caches.
            let text = String(repeating: "written in place ", count: round)
            _ = try await one(.overwrite("text", text))
            let held = try await other(.readHeld("text"))
            guard held.text == text, held.size == text.utf8.count else {
                throw refusal("an open file shows what was in it before", Mend(kind).contents)
            }
            let read = try await other(.read("text"))
            guard read.text == text, read.size == text.utf8.count else {
                throw refusal("a file shows what was in it before", Mend(kind).contents)
            }
        }
        _ = try await other(.drop("text"))
        for round in 1...Self.rounds {
            let text = String(repeating: "another file ", count: round)
            _ = try await one(.put("text", text))
            let read = try await other(.read("text"))
            guard read.text == text, read.size == text.utf8.count else {
                throw refusal("a name still leads to the file that had it before", Mend(kind).names)
            }
        }
    }

    private func checkNames(_ one: Hand, _ other: Hand, _ kind: String?) async throws {
        for round in 1...Self.rounds {
            let name = "new\(round)"
            guard try await other(.read(name)).text == nil else { continue }
            let before = try await other(.names).names ?? []
            _ = try await one(.put(name, "there"))
            guard try await other(.read(name)).text == "there" else {
                throw refusal("a file that was made isn't seen", Mend(kind).names)
            }
            guard Set(try await other(.names).names ?? []) == Set(before + [name]) else {
                throw refusal("a folder's list is an old one", Mend(kind).names)
            }
            _ = try await one(.remove(name))
            guard try await other(.read(name)).text == nil else {
                throw refusal("a file that was removed is still seen", Mend(kind).names)
            }
        }
    }

    private func checkExclusion(_ one: Hand, _ other: Hand, _ kind: String?) async throws {
        guard try await one(.create("only")).done == true, try await other(.create("only")).done == false else {
            throw refusal("two nodes can make a file of one name", nil)
        }
        guard try await one(.link("only", "second")).done == true,
            try await other(.link("only", "second")).done == false
        else { throw refusal("two nodes can give a name twice", nil) }
        for name in ["only", "second"] { _ = try await one(.remove(name)) }
        guard try await one(.lock("lock")).done == true else { throw refusal("a lock that is free isn't given", nil) }
        guard try await other(.lock("lock")).done == false else {
            throw refusal("a lock holds on one machine only", Mend(kind).locks)
        }
        // As the kernel does for one that was killed.
        _ = try await one(.drop("lock"))
        var isTaken = false
        for _ in 0..<Self.lockTries where !isTaken {
            isTaken = try await other(.lock("lock")).done == true
            if !isTaken { try await Task.sleep(for: Self.lockPause) }
        }
        guard isTaken else { throw refusal("the lock of who is gone isn't given to another", Mend(kind).locks) }
        _ = try await other(.drop("lock"))
    }

    private func refusal(_ why: String, _ mend: String?) -> OfficeError {
        OfficeError(
            .cannotCreate, what, "two nodes can't serve it, for on the other \(why)",
            mend: mend ?? "Use another file system; docs/distributed.md names some.")
    }

    /// What is to be set where a file system's caches show what was.
    private struct Mend {
        let kind: String?

        init(_ kind: String?) { self.kind = kind }

        var contents: String {
            switch kind {
            case "fuse.glusterfs":
                "Mount it with '\(Self.gluster)' on every node, and turn the volume's quick-read, io-cache, read-ahead, "
                    + "open-behind, write-behind and stat-prefetch off ('gluster volume set')."
            case "fuse.ceph", "fuse.ceph-fuse": "Mount it with '--fuse_disable_pagecache=true' on every node."
            default:
                "Mount it without a cache of contents and attributes ('attribute-timeout=0', or 'actimeo=0' for NFS)."
            }
        }

        var names: String {
            switch kind {
            case "fuse.glusterfs":
                "Mount it with '\(Self.gluster)' on every node, and turn the volume's stat-prefetch and readdir-ahead off "
                    + "('gluster volume set')."
            case "fuse.ceph", "fuse.ceph-fuse": "Mount it with '--fuse_disable_pagecache=true' on every node."
            default: "Mount it without a cache of names ('entry-timeout=0,negative-timeout=0', or 'actimeo=0' for NFS)."
            }
        }

        var locks: String {
            switch kind {
            case "nfs", "nfs4": "Mount it without 'nolock' and 'local_lock', on every node."
            default: "Mount it with locks that hold on all machines, or use another file system."
            }
        }

        private static let gluster =
            "attribute-timeout=0,entry-timeout=0,negative-timeout=0,direct-io-mode=enable"
    }
}
