import Foundation
import OfficeLab
import Testing

/// Writers on every host of an office, each in a folder of its own of `office/docs`, and a model of what was acknowledged
/// to them: puts of new names, of one name again and again, moves and removals, and a large put.
struct StoreFaults {
    /// What a writer does until it is told to stop. `log` has what was acknowledged, and of what failed what was tried.
    private static let script = #"""
        h=$(hostname); i=0
        until officeshare mkdir office/docs/$h; do sleep 0.2; done
        while [ ! -e stop ]; do
            i=$((i + 1)); echo "$h $i" >g
            officeshare put ./g office/docs/$h/p$i && echo "put $i" >>log
            officeshare put --force ./g office/docs/$h/same && echo "same $i" >>log
            if [ $((i % 2)) = 0 ]; then
                officeshare mv office/docs/$h/p$i office/docs/$h/m$i && echo "mv $i" >>log || echo "mv? $i" >>log
            elif [ $((i % 3)) = 0 ]; then
                officeshare rm office/docs/$h/p$i && echo "rm $i" >>log || echo "rm? $i" >>log
            fi
        done >/dev/null 2>&1
        """#
    private static let large = """
        head -c 40M /dev/urandom >large
        until officeshare put ./large office/docs/large; do sleep 0.2; done >/dev/null 2>&1
        """

    let hosts: [LabHost]
    let server: LabHost
    let store: String
    private let writers: [HostProcess]
    private let large: HostProcess

    /// Begins to write from all hosts, and from the last a large file.
    init(_ hosts: [LabHost], server: LabHost, store: String) async throws {
        self.hosts = hosts
        self.server = server
        self.store = store
        writers = try hosts.map { try $0.start(["bash", "-c", Self.script], as: "bob") }
        large = try hosts[hosts.count - 1].start(["bash", "-c", Self.large], as: "alice")
        try await goOn()
    }

    /// Returns when every writer has had something acknowledged since.
    func goOn() async throws {
        for host in hosts {
            let before = try await acknowledged(on: host)
            try await eventually("\(host.name) writes", within: promised(40)) {
                try await acknowledged(on: host) > before + 8
            }
        }
    }

    /// All that was acknowledged until now.
    func count() async throws -> Int {
        var sum = 0
        for host in hosts { sum += try await acknowledged(on: host) }
        return sum
    }

    private func acknowledged(on host: LabHost) async throws -> Int {
        try await host.shell("grep -vc '?' log || true", as: "bob").lines.first.flatMap { Int($0) } ?? 0
    }

    /// Ends the writers, and holds what is in the store against what they were told.
    ///
    /// - Parameter hadTwoServers: Whether two nodes may have been the file server for a moment: what one of them acknowledged
    ///   may be in a named copy then, and what it moved or removed be there as well.
    func check(hadTwoServers: Bool = false) async throws {
        #expect(try await large.ended(within: promised(60)) == .status(0))
        for host in hosts { try await host.shell("touch stop", as: "bob").checked() }
        for writer in writers { _ = try await writer.ended(within: promised(60)) }
        let source = hosts[hosts.count - 1].path("/home/alice/large")
        try await Command.run(["cmp", source, server.path("\(store)/spaces/docs/large")]).checked()
        for host in hosts { try await check(host, hadTwoServers) }
    }

    private func check(_ host: LabHost, _ hadTwoServers: Bool) async throws {
        let log = try await host.shell("cat log", as: "bob").lines
        let name = try await host.shell("hostname").lines[0]
        let all = try await contents(of: "spaces/docs/\(name)")
        let copies = hadTwoServers ? all.filter { $0.key.contains(" (conflict of ") } : [:]
        let now = all.filter { copies[$0.key] == nil }
        let kept = try await contents(of: "versions/docs/in/\(name)")
        // Nothing is half there: each file is what was put under its name, all of it.
        for (path, text) in now where path != "same" { #expect(text == "\(name) \(path.dropFirst())", "\(path)") }
        for (path, text) in kept.merging(copies, uniquingKeysWith: { first, _ in first }) {
            #expect(text.hasPrefix("\(name) "), "\(path)")
        }
        var said: [Int: Set<Substring>] = [:]
        var same: Set<String> = []
        for line in log {
            let words = line.split(separator: " ")
            guard words.count == 2, let number = Int(words[1]) else { continue }
            if words[0] == "same" {
                same.insert("\(name) \(number)")
            } else {
                said[number, default: []].insert(words[0])
            }
        }
        for (number, acts) in said where acts.contains("put") {
            let (put, moved) = (now["p\(number)"] != nil, now["m\(number)"] != nil)
            let removed = kept.contains { $0.key.hasPrefix("in/p\(number)/was/") && $0.value == "\(name) \(number)" }
            let isRight =
                if acts.contains("mv") { moved && (!put || hadTwoServers) } else if acts.contains("rm") {
                    removed && (!put || hadTwoServers)
                } else if acts.contains("mv?") { put || moved } else if acts.contains("rm?") { put || removed } else {
                    put
                }
            #expect(isRight, "\(name) \(number): \(acts), there: \(put), moved: \(moved), removed: \(removed)")
        }
        // Of the file that was replaced again and again, every acknowledged content is there or kept.
        let contents = Set(kept.filter { $0.key.hasPrefix("in/same/") }.values).union([now["same"] ?? ""])
            .union(copies.filter { $0.key.hasPrefix("same ") }.values)
        #expect(same.subtracting(contents) == [], "of \(same.count) on \(name)")
        #expect(said.count > 8 && same.count > 8)
    }

    /// Every file below a folder of the store with its one line.
    private func contents(of folder: String) async throws -> [String: String] {
        let lines = try await server.shell(
            "cd \(store)/\(folder) && find . -type f ! -name '.officeshare-*' -printf '%P:' -exec cat {} \\;"
        )
        .lines
        return Dictionary(
            lines.map { line in
                let parts = line.split(separator: ":", maxSplits: 1).map(String.init)
                return (parts[0], parts.count > 1 ? parts[1] : "")
            }, uniquingKeysWith: { first, _ in first })
    }
}
