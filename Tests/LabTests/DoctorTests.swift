import Foundation
import OfficeLab
import Testing

/// `doctor` says of a well machine that it is well, and of an ill one what it has.
@Suite(.serialized, .lab, .timeLimit(.minutes(2)))
struct DoctorTests {
    private struct Finding: Decodable { let check: String, ok: Bool?, why: String?, mend: String? }

    @Test func itFindsWhatIsWrongAndNothingElse() async throws {
        try await withLab(HostPlan("pc1", cups: true), "pc2") { lab in
            let pc1 = lab["pc1"]
            try await lab.foundOffice()
            try await pc1.share("docs", files: [:])
            try await pc1.shell("mkdir -p docs/deep/closed; echo 1 >docs/deep/closed/file", as: "alice").checked()

            /// That these checks fail and no others, and that the exit status says so.
            func expectBad(_ checks: Set<String>, sourceLocation: SourceLocation = #_sourceLocation) async throws {
                let output = try await pc1.officeshare(["doctor", "--json"])
                // An office with one admin is told about in `status`, and is no illness of this machine's.
                let findings = try JSONDecoder().decode([Finding].self, from: output.stdoutBytes).filter {
                    $0.check != "status"
                }
                let bad = findings.filter { $0.ok == false }
                #expect(Set(bad.map(\.check)) == checks, "\(findings)", sourceLocation: sourceLocation)
                #expect(bad.allSatisfy { $0.why != nil && $0.mend != nil }, sourceLocation: sourceLocation)
                if !checks.isEmpty { #expect(output.status == 1, sourceLocation: sourceLocation) }
            }
            try await eventually("pc2 is heard") { try await pc1.peer("pc2")?.via == "mdns" }
            try await expectBad([])

            try await pc1.stop(.cups)
            try await expectBad(["cups"])
            try await pc1.start(.cups)

            let rules = "add table inet office; add chain inet office in { type filter hook input priority 0; }; "
            try await pc1.run(["nft", rules + "add rule inet office in tcp dport 8747 drop"]).checked()
            try await expectBad(["firewall for nodes"])
            try await pc1.run(["nft", "flush ruleset; " + rules + "add rule inet office in udp dport 5353 reject"])
                .checked()
            try await expectBad(["firewall for discovery"])
            try await pc1.run(["nft", "flush ruleset"]).checked()

            try await pc1.run(["setfacl", "-b", "/home/alice/docs/deep/closed"]).checked()
            try await pc1.run(["chmod", "700", "/home/alice/docs/deep/closed"]).checked()
            try await expectBad(["access to docs"])
            try await pc1.must("share", "set", "docs", "--grant", as: "alice")
            try await expectBad([])
        }
    }
}
