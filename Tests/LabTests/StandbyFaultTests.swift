import Foundation
import OfficeLab
import Testing

/// What befalls a file server with a standby while it is written to from everywhere: the standby has all that was
/// acknowledged.
@Suite(.serialized, .lab, .timeLimit(.minutes(5)))
struct StandbyFaultTests {
    struct Standing: Decodable {
        struct Office: Decodable { let fileServer: String?, standbyInStep: Bool? }
        let office: Office?
    }

    private static let store = "/srv/store"

    /// pc1 is the file server of a space `docs`, pc2 its standby, and pc3 an admin; pc3 and pc4 write.
    private func withStandby(_ body: (_ lab: Lab, _ faults: StoreFaults) async throws -> Void) async throws {
        try await withOffice("pc1", "pc2", "pc3", "pc4") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.must("office", "admin", "add", "pc3")
            for host in [pc1, pc2] { try await host.shell("mkdir -p /srv/real /srv/store").checked() }
            try await pc1.shell("mount --bind /srv/real /srv/store").checked()
            try await pc2.shell("chown officeshare: /srv/store").checked()
            try await pc1.must("promote", "--store", Self.store)
            try await pc1.must("space", "add", "docs")
            try await pc1.must("promote", "pc2", "--standby", "--store", Self.store)
            let faults = try await StoreFaults([pc3, lab["pc4"]], server: pc2, store: Self.store)
            try await inStep(pc3)
            try await body(lab, faults)
            try await faults.goOn()
            try await faults.check()
        }
    }

    private func inStep(_ host: LabHost) async throws {
        try await eventually("the standby is in step", within: promised(40)) {
            try await host.ask("status", of: Standing.self).office?.standbyInStep == true
        }
    }

    @Test func theServerIsKilled() async throws {
        try await withStandby { lab, faults in
            try await lab["pc1"].killDaemon()
            try await lab["pc3"].must("promote", "pc2")
        }
    }

    @Test func itsCableIsPulled() async throws {
        try await withStandby { lab, faults in
            try await lab["pc1"].cutLink()
            try await eventually("pc3 misses pc1", within: promised(10)) {
                try await lab["pc3"].members().contains { $0.name == "pc1" && !$0.online }
            }
            // It may be done there, but nobody is told so: not when it is tried again either.
            let alone = try await lab["pc1"].officeshare(["put", "/etc/hostname", "office/docs/alone"])
            #expect(alone.status == 75, "\(alone)")
            try await lab["pc3"].must("promote", "pc2")
            try await faults.goOn()
            // Back, it serves nothing, and has nothing that is missing.
            try await lab["pc1"].plugLink()
            try await eventually("pc1 follows pc2", within: promised(20)) {
                try await lab["pc1"].ask("status", of: Standing.self).office?.fileServer == "pc2"
            }
        }
    }

    @Test func itsStoreIsUnmounted() async throws {
        try await withStandby { lab, faults in
            try await lab["pc1"].shell("umount -l /srv/store").checked()
            try await eventually("pc1 says so", within: promised(20)) {
                try await lab["pc1"].status().problems.contains { $0.what == Self.store }
            }
            try await lab["pc3"].must("promote", "pc2")
        }
    }

    @Test func theStandbyIsLostAndComesBackBeforeTheServerIsLost() async throws {
        try await withStandby { lab, faults in
            try await lab["pc2"].killDaemon()
            try await faults.goOn()
            #expect(try await lab["pc3"].officeshare(["promote", "pc2"]).status != 0)
            try await lab["pc2"].startDaemon()
            try await inStep(lab["pc3"])
            try await lab["pc1"].killDaemon()
            try await lab["pc3"].must("promote", "pc2")
        }
    }
}
