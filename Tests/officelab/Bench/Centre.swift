internal import Foundation
internal import OfficeCore
internal import OfficeLab

/// The file server beside the servers that people would set up instead.
struct Centre {
    private let setting: BenchSetting

    init(_ setting: BenchSetting) { self.setting = setting }

    // MARK: Writing

    /// Many small files, each on the server's disk before it counts.
    func puts() async throws -> [Figure] {
        let count = setting.quick ? 200 : 5000
        let plans = [HostPlan("pc1", storage: .disk), HostPlan("pc2")]
        return try await withSpace(plans) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let samba = try await SambaService.start(on: pc1, client: pc2)
            let nginx = try await NginxService.start(on: pc1, client: pc2, root: "/home/alice", takesFiles: true)
            defer { withExtendedLifetime((samba, nginx)) {} }
            let make = "mkdir bench; head -c \(count * 4096) /dev/urandom | split -b 4096 -a 5 -d - bench/file."
            try await pc2.shell(make, as: "alice").checked()
            let dav = "--webdav-url https://\(pc1.address):8443 --no-check-certificate --config /dev/null"
            let mput = "recurse on; prompt off; mkdir ROUND; cd ROUND; lcd bench; mput *"
            let ways = [
                (
                    "officeshare", "officeshare put -r ./bench office/docs/ROUND",
                    "/var/lib/officeshare/store/spaces/docs"
                ),
                ("smbclient", "\(SambaService.client(of: pc1)) -c '\(mput)' >/dev/null 2>&1", "/home/alice"),
                ("rclone", "rclone copy \(dav) bench :webdav:ROUND", "/home/alice"),
            ]
            var rounds = Rounds()
            for round in 0..<setting.rounds {
                let offset = round % ways.count
                for (name, script, place) in ways[offset...] + ways[..<offset] {
                    let folder = "\(name)-\(round)"
                    let script = script.replacingOccurrences(of: "ROUND", with: folder)
                    let put = try await pc2.shell(script, as: "alice", timeout: .seconds(600)).checked()
                    rounds.add(name, put.took)
                    try await Command.run(
                        ["diff", "-r", pc2.path("/home/alice/bench"), pc1.path("\(place)/\(folder)")]
                    ).checked()
                }
            }
            return ["smbclient", "rclone"].map { other in
                let ratio = rounds.ratio("officeshare", to: other)
                let theirs = String(format: "%.0f files/s", Double(count) / rounds.median(other))
                let name = other == "rclone" ? "rclone to nginx (WebDAV, no fsync)" : "smbclient (`strict sync`)"
                return Figure(
                    what: "put of \(count) files of 4 KiB into a space, each on its disk and version-kept",
                    measured: String(format: "%.0f files/s", Double(count) / rounds.median("officeshare")),
                    against: "\(name): \(theirs)", ratio: ratio, goal: Figure.factor(2), reached: ratio >= 2)
            }
        }
    }

    // MARK: Listing

    /// A space of many entries, which a folder became that was there.
    func listing() async throws -> [Figure] {
        let count = setting.quick ? 1000 : 100_000
        return try await setting.withOffice(["pc1", "pc2"]) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let make = "mkdir -p store/many && cd store/many && seq \(count) | xargs touch"
            try await pc1.shell(make, as: "alice").checked()
            let samba = try await SambaService.start(on: pc1, client: pc2)
            defer { withExtendedLifetime(samba) {} }
            try await pc1.officeshare(["promote", "--store", "/home/alice/store"]).checked()
            try await pc1.officeshare(["space", "set", "many", "--allow", "office"]).checked()
            try await awaitSpace("many", on: pc2)
            let ways = [
                ("officeshare", "officeshare ls -l office/many"),
                ("smbclient", "\(SambaService.client(of: pc1)) -c 'cd store/many; ls' 2>/dev/null"),
            ]
            var rounds = Rounds()
            for _ in 0..<setting.rounds {
                for (name, script) in ways {
                    let listed = try await pc2.shell("\(script) | wc -l", as: "alice").checked()
                    guard listed.lines.first.flatMap({ Int($0.filter(\.isNumber)) }).map({ $0 >= count }) ?? false
                    else {
                        throw OfficeError(.fault, script, "only \(listed.stdout) came")
                    }
                    rounds.add(name, listed.took)
                }
            }
            let ratio = rounds.ratio("officeshare", to: "smbclient")
            return [
                Figure(
                    what: "`ls -l` of a space of \(count) entries",
                    measured: Figure.milliseconds(rounds.median("officeshare")),
                    against: "smbclient ls: \(Figure.milliseconds(rounds.median("smbclient")))", ratio: ratio,
                    goal: Figure.factor(2), reached: ratio >= 2)
            ]
        }
    }

    // MARK: Versions

    /// What a large file takes that is saved again and again, with little of it changed, where blocks can be shared.
    func versions() async throws -> [Figure] {
        let (megabytes, saves) = setting.quick ? (16, 5) : (100, 100)
        let plans = [HostPlan("pc1", storage: .disk), HostPlan("pc2")]
        return try await setting.withOffice(plans) { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            let mount = """
                set -e
                truncate -s 16G /srv/disk; mkfs.xfs -q -m reflink=1 /srv/disk; mkdir -p /srv/store
                mount -o loop /srv/disk /srv/store
                """
            try await pc1.shell(mount).checked()
            try await pc1.officeshare(["promote", "--store", "/srv/store"]).checked()
            try await pc1.officeshare(["space", "add", "docs"]).checked()
            try await awaitSpace("docs", on: pc2)
            try await pc2.shell("head -c \(megabytes)M /dev/urandom >file", as: "alice").checked()
            try await pc2.officeshare(["put", "./file", "office/docs/file"], as: "alice").checked()
            let before = try await used(pc1)
            // A hundredth of it, in eight places.
            let edit = """
                for place in 1 2 3 4 5 6 7 8; do
                    dd if=/dev/urandom of=file bs=4096 count=\(megabytes * 256 / 800) conv=notrunc status=none \\
                        seek=$(( (RANDOM * 32768 + RANDOM) % \(megabytes * 250) ))
                done
                officeshare put --force ./file office/docs/file
                """
            var rounds = Rounds()
            for _ in 0..<saves { rounds.add("put", try await pc2.shell(edit, as: "alice").checked().took) }
            let grown = try await used(pc1) - before
            let ratio = Double(saves * megabytes << 20) / Double(max(1, grown))
            try await pc1.stopDaemon()
            try await pc1.shell("umount /srv/store").checked()
            return [
                Figure(
                    what:
                        "\(saves) saves of a file of \(megabytes) MiB with 1 % changed, on xfs with reflink: disk taken",
                    measured: Figure.megabytes(grown),
                    against: "plain copies: \(Figure.megabytes(saves * megabytes << 20))", ratio: ratio,
                    goal: Figure.factor(20), reached: ratio >= 20)
            ]
        }
    }

    private func used(_ host: LabHost) async throws -> Int {
        let output = try await host.shell("sync -f /srv/store; df --output=used -B1 /srv/store | tail -n1").checked()
        return Int(output.stdout.filter(\.isNumber)) ?? 0
    }

    // MARK: Reading

    /// A file that is new on the server, which many want at once, over its link of 1 Gbit/s.
    func readers() async throws -> [Figure] {
        let size = setting.quick ? 16 << 20 : 256 << 20
        let count = setting.quick ? 3 : 20
        return try await withSpace((0...count).map { HostPlan("pc\($0 + 1)") }) { lab in
            let (pc1, readers) = (lab.hosts[0], Array(lab.hosts.dropFirst()))
            let nginx = try await NginxService.start(on: pc1, client: readers[0], root: "/home/alice")
            defer { withExtendedLifetime(nginx) {} }
            try await pc1.rate(megabits: 1000)
            var rounds = Rounds()
            for _ in 0..<setting.rounds {
                // Another content each time: nobody has any of it.
                try await pc1.shell("head -c \(size) /dev/urandom >file", as: "alice").checked()
                try await pc1.officeshare(["put", "--force", "./file", "office/docs/file"], as: "alice").checked()
                rounds.add("officeshare", try await all(readers, "officeshare get --force office/docs/file file"))
                rounds.add("curl", try await all(readers, "curl -sSk -o file https://\(pc1.address):8443/file"))
                for reader in readers { try await reader.run(["rm", "file"], as: "alice").checked() }
            }
            let ratio = rounds.ratio("officeshare", to: "curl")
            return [
                Figure(
                    what: "\(count) clients reading the same new \(size >> 20) MiB of a space, server at 1 Gbit/s",
                    measured: String(format: "%.1f s", rounds.median("officeshare")),
                    against: String(format: "curl from nginx: %.1f s", rounds.median("curl")), ratio: ratio,
                    goal: Figure.factor(5), reached: ratio >= 5)
            ]
        }
    }

    /// Until the last has done.
    private func all(_ hosts: [LabHost], _ script: String) async throws -> Duration {
        let began = ContinuousClock.now
        try await withThrowingTaskGroup { group in
            for host in hosts {
                group.addTask { try await host.shell(script, as: "alice", timeout: .seconds(300)).checked() }
            }
            try await group.waitForAll()
        }
        return ContinuousClock.now - began
    }

    // MARK: How it is done

    /// An office of these, with a space `docs` on the first.
    private func withSpace<Result>(_ plans: [HostPlan], _ body: (Lab) async throws -> Result) async throws -> Result {
        try await setting.withOffice(plans) { lab in
            try await lab.hosts[0].officeshare(["promote"]).checked()
            try await lab.hosts[0].officeshare(["space", "add", "docs"]).checked()
            for host in lab.hosts { try await awaitSpace("docs", on: host) }
            return try await body(lab)
        }
    }

    private func awaitSpace(_ name: String, on host: LabHost) async throws {
        try await eventually("\(host.name) reaches \(name)", within: .seconds(30)) {
            try await host.officeshare(["ls", "office/\(name)"], as: "alice").status == 0
        }
    }
}
