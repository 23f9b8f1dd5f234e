import Foundation
import OfficeLab
import Testing

/// An office for all rows of the fault matrix: alice's pc1 shares, bob's pc2 fetches and keeps, by way of a proxy that
/// spoils what passes, and pc3 and pc4 keep copies of two of the shares.
final class FaultMatrixOffice: Sendable {
    @TaskLocal static var current: FaultMatrixOffice?

    let lab: Lab
    let (pc1, pc2): (LabHost, LabHost)
    let proxy: FaultProxy
    /// The names of each share's files, and their hashes.
    let contents: [String: [String: String]]

    /// Raises it for the length of `body`.
    static func with(_ body: (FaultMatrixOffice) async throws -> Void) async throws {
        try await Lab.with(["pc1", "pc2", "pc3", "pc4"], failed: { Verdict.current?.failed ?? false }) { lab in
            let proxy = try await FaultProxy(in: lab["pc2"], to: lab["pc1"].address, 8747)
            lab["pc2"].detour(to: lab["pc1"], by: proxy)
            try await lab["pc2"].stopDaemon()
            try await lab["pc2"].startDaemon()
            try await lab.foundOffice()
            try await body(FaultMatrixOffice(lab, proxy))
        }
    }

    private init(_ lab: Lab, _ proxy: FaultProxy) async throws {
        self.lab = lab
        self.proxy = proxy
        let (pc1, pc2) = (lab["pc1"], lab["pc2"])
        (self.pc1, self.pc2) = (pc1, pc2)
        let script = """
            mkdir -p large lossy small drop full
            head -c \(Cargo.largeBytes) /dev/urandom >large/file
            head -c \(Cargo.lossyBytes) /dev/urandom >lossy/file
            for n in {1..\(Cargo.smallFiles)}; do
                mkdir -p small/$((n % 20)); head -c \(Cargo.smallBytes) /dev/urandom >small/$((n % 20))/$n
            done
            cp -r large kept-large; cp -r small kept-small
            """
        try await pc1.shell("set -e\n" + script, as: "alice").checked()
        for share in ["large", "lossy", "small", "kept-large", "kept-small"] {
            try await pc1.must("share", "add", share, as: "alice")
            let folder = "/home/alice/\(share)"
            guard !share.hasPrefix("kept") else { continue }
            try await Command.run(["cp", "-r", pc1.path(folder), pc2.path("/home/bob/\(share)")]).checked()
        }
        try await pc2.shell("chown -R bob: /home/bob").checked()
        try await pc1.must("share", "add", "drop", "--rw", as: "alice")
        var contents: [String: [String: String]] = [:]
        for share in ["large", "lossy", "small"] {
            contents[share] = try await Self.hashes(in: "/home/alice/\(share)", of: pc1)
            contents["kept-\(share)"] = contents[share]
        }
        self.contents = contents
        for host in [lab["pc3"], lab["pc4"]] {
            for share in ["kept-large", "kept-small"] {
                try await eventually("\(host.name) sees \(share)") {
                    try await host.must("pin", "pc1/\(share)", "--wait")
                    return true
                }
            }
        }
        // Once before anything is wrong: the hashes of what is there are known from now on.
        for share in ["large", "small"] {
            try await pc2.must("get", "-r", "pc1/\(share)/", "/tmp/warm-\(share)")
            try await pc2.run(["rm", "-r", "/tmp/warm-\(share)"]).checked()
        }
    }

    /// The hash of each file in a folder, by its name. What is being received has no name yet.
    static func hashes(in folder: String, of host: LabHost) async throws -> [String: String] {
        let script = "[ ! -d \"$0\" ] || find \"$0\" -type f ! -name '.officeshare-*' -print0 | xargs -0r sha256sum"
        let lines = try await host.run(["bash", "-c", script, folder]).checked().lines
        return Dictionary(
            lines.map { line in
                (line.split(separator: "/").last.map(String.init) ?? "", String(line.prefix(64)))
            }, uniquingKeysWith: { first, _ in first })
    }

    /// As it was at first: nothing wrong, nothing left of an earlier row.
    func mend() async throws {
        proxy.faults = .init()
        for host in [pc1, pc2] { try await host.loss(percent: 0) }
        try await pc2.rate(megabits: nil)
        // Its daemon goes on with the rotten disk otherwise.
        if pc1.exists(RottenDisk.log) { try await pc1.stopDaemon() }
        for host in lab.hosts where host.service(.officeshare) == nil { try await host.startDaemon() }
        try await lab.settle(within: promised(20))
        let held = try await pc2.ask("inbox", as: "bob", of: [Held].self).map(\.id)
        try await pc2.run(["install", "-d", "-o", "bob", "/tmp/taken"]).checked()
        // What a row that failed has left.
        if !held.isEmpty { _ = try await pc2.officeshare(["inbox", "accept", "--to", "/tmp/taken"] + held, as: "bob") }
        for pin in try await pc2.ask("pins", of: [Held.Pin].self) { try await pc2.must("unpin", pin.path) }
        if try await pc1.ask("share", "ls", as: "alice", of: [Held.Share].self).contains(where: { $0.name == "full" }) {
            try await pc1.must("share", "rm", "full", as: "alice")
        }
        try await pc1.shell("umount /home/alice/full; rm -rf /home/alice/drop/* /tmp/rotten.log").checked()
        let folders = "/var/lib/officeshare/pins /var/lib/officeshare/inbox /srv/full"
        try await pc2.shell("for f in \(folders); do umount $f; done; rm -rf /home/bob/copy /tmp/taken").checked()
        try await eventually("pc2 reaches pc1", within: promised(10)) {
            try await pc2.officeshare(["ls", "pc1/small"]).status == 0
        }
    }

    struct Held: Decodable {
        let id: String
        struct Pin: Decodable { let path: String, complete: Bool, problem: String? }
        struct Share: Decodable { let name: String }
    }
}

/// Raises the office once, for all rows.
struct FaultMatrixTrait: SuiteTrait, TestScoping {
    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        try await FaultMatrixOffice.with { office in
            try await FaultMatrixOffice.$current.withValue(office) { try await function() }
        }
    }
}

extension Trait where Self == FaultMatrixTrait {
    static var faultMatrix: Self { Self() }
}
