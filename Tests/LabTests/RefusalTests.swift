import Foundation
import OfficeLab
import Testing

/// Nobody gets what they weren't given, and wrong things are said as the contract says them.
@Suite(.serialized, .lab, .timeLimit(.minutes(5)))
struct RefusalTests {
    @Test func wrongThingsGetTheirCode() async throws {
        try await withOffice("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.share("docs", made: "echo hers >letter")
            try await pc2.awaitShare("pc1/docs")
            func get(_ path: String, to destination: String = "copy") async throws -> Output {
                try await pc2.officeshare(["get", path, destination], as: "alice")
            }
            expectFailure(try await get("nobody/docs/letter"), 66)
            expectFailure(try await get("pc1/nothing/letter"), 66)
            expectFailure(try await get("pc1/docs/nothing"), 66)
            expectFailure(try await get("pc1/docs/../../etc/passwd"), 65)
            expectFailure(try await get("pc1/docs/\(String(repeating: "n", count: 256))"), 65, 66)
            expectFailure(try await pc2.officeshare(["get"], as: "alice"), 64)
            try await pc2.shell("echo other >copy", as: "alice").checked()
            expectFailure(try await get("pc1/docs/letter"), 73)
            #expect(try await pc2.run(["cat", "copy"], as: "alice").stdout == "other\n")

            // The same again is no error and no change.
            try await pc1.officeshare(["share", "add", "docs"], as: "alice").checked()
            expectFailure(try await pc1.officeshare(["share", "add", "/home/bob"], as: "alice"), 77)
            try await pc1.stopDaemon()
            try await eventually("pc2 knows") { try await pc2.members().contains { $0.name == "pc1" && !$0.online } }
            expectFailure(try await get("pc1/docs/letter", to: "another"), 69)
            try await pc2.stopDaemon()
            expectFailure(try await pc2.officeshare(["ls"], as: "alice"), 69)
        }
    }

    @Test func onlyWhoIsOnTheListReads() async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.share("docs", "--allow", "alice@pc2", made: "echo hers >letter")
            try await pc2.awaitShare("pc1/docs")
            try await pc2.officeshare(["cat", "pc1/docs/letter"], as: "alice").checked()
            for (host, user) in [(pc2, "bob"), (pc3, "alice"), (pc3, "bob"), (pc1, "bob")] {
                let refused = try await host.officeshare(["cat", "pc1/docs/letter"], as: user)
                expectFailure(refused, 66)
                #expect(refused.stdoutBytes.isEmpty)
                let put = try await host.officeshare(["put", "/etc/hostname", "pc1/docs/x"], as: user)
                expectFailure(put, 66)
            }
            // Nor may another local user manage the node, or alice's share.
            expectFailure(try await pc1.officeshare(["office", "invite"], as: "bob"), 77)
            expectFailure(try await pc1.officeshare(["share", "rm", "docs"], as: "bob"), 66, 77)
            expectFailure(try await pc2.officeshare(["put", "/etc/hostname", "pc1/docs/x"], as: "alice"), 77)
            #expect(try await pc1.run(["ls", "docs"], as: "alice").stdout == "letter\n")
        }
    }

    @Test func aStrangerGetsNothing() async throws {
        try await withLab("pc1", "pc2", HostPlan("stranger", daemon: false)) { lab in
            let (pc1, pc2, stranger) = (lab["pc1"], lab["pc2"], lab["stranger"])
            try await lab.foundOffice(of: [pc1, pc2])
            try await pc1.share("docs", made: "echo secret >letter")
            try await pc2.awaitShare("pc1/docs")
            let make = """
                openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=pc2 \
                    -keyout key -out cert 2>/dev/null
                """
            try await stranger.shell(make, as: "alice").checked()
            for certificate in [[], ["--cert", "cert", "--key", "key"]] {
                for path in ["/", "/v1/status", "/v1/shares", "/v1/shares/docs/fetch"] {
                    let curl = ["curl", "-sk", "-m", "5"] + certificate + ["https://\(pc1.address):8747\(path)"]
                    let answer = try await stranger.run(curl, as: "alice")
                    #expect(answer.status != 0)
                    #expect(answer.stdoutBytes.isEmpty)
                }
            }
            // A removed member is a stranger at once.
            try await pc1.officeshare(["office", "remove", "pc2"]).checked()
            try await eventually("pc2 sees nothing of pc1 any more", within: .seconds(2)) {
                try await pc2.officeshare(["cat", "pc1/docs/letter"], as: "alice").status != 0
            }
        }
    }

    @Test func nothingOutsideAShareIsReached() async throws {
        try await withOffice("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.shell("echo secret >secret; chmod 644 secret", as: "alice").checked()
            let links = "ln -s ../secret final; ln -s .. ancestor; ln -s /home/alice absolute; echo ok >inside"
            try await pc1.share("docs", "--rw", made: links)
            try await pc2.awaitShare("pc1/docs")
            for path in [
                "final", "ancestor/secret", "absolute/secret", "../secret", "./../secret", "/home/alice/secret",
            ] {
                for verb in [["cat"], ["get"], ["ls"]] {
                    let output = try await pc2.officeshare(verb + ["pc1/docs/\(path)"], as: "alice")
                    #expect(!output.stdout.contains("secret\n") || verb == ["ls"], "\(output)")
                    let fetched = try await pc2.shell("cat secret final 2>/dev/null", as: "alice").stdout
                    #expect(!fetched.contains("secret"))
                }
                let put = try await pc2.officeshare(
                    ["put", "--force", "/etc/hostname", "pc1/docs/\(path)"], as: "alice")
                #expect(put.status != 0 || path == "final", "\(put)")
                _ = try await pc2.officeshare(["rm", "pc1/docs/\(path)"], as: "alice")
            }
            #expect(try await pc1.run(["cat", "secret"], as: "alice").stdout == "secret\n")
            #expect(try await pc2.officeshare(["cat", "pc1/docs/inside"], as: "alice").stdout == "ok\n")
        }
    }
}
