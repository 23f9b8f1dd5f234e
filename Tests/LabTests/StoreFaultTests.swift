import Foundation
import OfficeLab
import Testing

/// What befalls the file server's store while it is written to from everywhere: nothing acknowledged is lost by it.
@Suite(.serialized, .lab, .timeLimit(.minutes(5)))
struct StoreFaultTests {
    private static let store = "/srv/store"

    /// pc1 is the file server of a space `docs`, with its store in a folder that `prepare` makes.
    private func withStore(
        _ prepare: String, _ body: (_ lab: Lab, _ faults: StoreFaults) async throws -> Void
    ) async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            let pc1 = lab["pc1"]
            try await pc1.shell(prepare).checked()
            try await pc1.must("promote", "--store", Self.store)
            try await pc1.must("space", "add", "docs")
            try await eventually("pc3 sees it", within: promised(5)) {
                try await lab["pc3"].ask("ls", of: [Offer].self).contains { $0.path == "office/docs" && $0.online }
            }
            let faults = try await StoreFaults(lab.hosts, server: pc1, store: Self.store)
            try await body(lab, faults)
            try await faults.goOn()
            try await faults.check()
        }
    }

    @Test func itsDiskIsFull() async throws {
        try await withStore("mkdir -p /srv/store && mount -t tmpfs -o size=400m,mode=755 tmpfs /srv/store") {
            lab, faults in
            let (pc1, pc3) = (lab["pc1"], lab["pc3"])
            try await pc1.shell("head -c 1G /dev/zero >/srv/store/filler; true").checked()
            try await pc3.shell("head -c 100K /dev/zero >f", as: "alice").checked()
            try await eventually("a put is refused", within: promised(20)) {
                let put = try await pc3.officeshare(["put", "./f", "office/docs/more"], as: "alice")
                return put.status == 74 && put.stderr.split(separator: "\n").count == 1
            }
            // What is there is read on.
            try await pc3.must("ls", "office/docs", as: "alice")
            try await pc1.shell("rm /srv/store/filler").checked()
        }
    }

    @Test func itsStoreIsUnmounted() async throws {
        let prepare = "mkdir -p /srv/real /srv/store && mount --bind /srv/real /srv/store"
        try await withStore(prepare) { lab, faults in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc2.shell("echo kept >kept", as: "alice").checked()
            try await pc2.must("put", "./kept", "office/docs/kept", as: "alice")
            try await pc2.must("pin", "office/docs", as: "alice")
            try await eventually("the copy has it", within: promised(40)) {
                try await pc2.shell("cat /var/lib/officeshare/pins/*/kept").stdout == "kept\n"
            }
            try await pc1.shell("umount -l /srv/store").checked()
            try await eventually("a put is refused", within: promised(20)) {
                try await pc3.officeshare(["put", "/etc/hostname", "office/docs/more"], as: "alice").status == 69
            }
            try await eventually("pc1 says why") {
                try await pc1.status().problems.contains { $0.what == Self.store && $0.mend != nil }
            }
            // Where it was nothing is made, also not by a daemon that is started anew.
            try await pc1.killDaemon()
            try await pc1.startDaemon()
            try await eventually("pc1 says why") {
                try await pc1.status().problems.contains { $0.what == Self.store && $0.mend != nil }
            }
            #expect(try await pc1.shell("ls -A /srv/store").lines.isEmpty)
            // What others hold is read on.
            try await eventually("it is read from the copy", within: promised(10)) {
                try await pc3.officeshare(["cat", "office/docs/kept"], as: "alice").stdout == "kept\n"
            }
            try await pc1.shell("mount --bind /srv/real /srv/store").checked()
        }
    }

    @Test func itsClockIsWrong() async throws {
        try await withStore("mkdir -p /srv/store") { lab, faults in
            let years: Int64 = 10 * 365 * 86_400
            for clock in [Duration.seconds(years), .seconds(-years), nil] {
                try await lab["pc1"].killDaemon()
                try await lab["pc1"].startDaemon(clock: clock)
                try await faults.goOn()
            }
        }
    }
}
