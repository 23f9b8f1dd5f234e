import Foundation
import OfficeLab
import Testing

/// Shares marked `--keep`: the file server copies them by itself, and answers while their owner is off.
@Suite(.serialized, .lab, .timeLimit(.minutes(3)))
struct KeepTests {
    private struct Copy: Decodable { let path: String, complete: Bool, kept: Bool, asOf: String? }

    /// pc1 is the file server, pc2 alice's, who shares `docs` with a file `f`; pc3 reads.
    private func withMarked(
        _ options: String..., body: (_ server: LabHost, _ owner: LabHost, _ reader: LabHost) async throws -> Void
    ) async throws {
        try await withOffice("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.must("promote")
            try await pc2.shell("mkdir docs && echo one >docs/f", as: "alice").checked()
            try await pc2.officeshare(["share", "add", "docs", "--keep"] + options, as: "alice").checked()
            try await isKept(pc1)
            try await body(pc1, pc2, pc3)
        }
    }

    private func isKept(_ server: LabHost) async throws {
        try await eventually("the server keeps it", within: promised(10)) {
            try await server.ask("pins", of: [Copy].self).contains { $0.path == "pc2/docs" && $0.complete && $0.kept }
        }
    }

    @Test func itIsReadFromTheServerWhileItsOwnerIsOff() async throws {
        try await withMarked { pc1, pc2, pc3 in
            try await pc2.killDaemon()
            try await eventually("pc3 knows who serves it", within: promised(5)) {
                try await pc3.ask("ls", of: [Offer].self).contains {
                    $0.path == "pc2/docs" && $0.kind == "pin" && $0.servedBy == "pc1" && $0.asOf != nil && !$0.online
                }
            }
            for host in [pc1, pc3] {
                #expect(try await host.must("cat", "pc2/docs/f", as: "bob").stdout == "one\n")
            }
            // What its owner does meanwhile flows when it is back.
            try await pc2.shell("echo two >docs/f && echo new >docs/g", as: "alice").checked()
            try await pc2.startDaemon()
            try await eventually("the copy has it", within: promised(10)) {
                try await pc1.shell("cat /var/lib/officeshare/pins/*/f /var/lib/officeshare/pins/*/g").stdout
                    == "two\nnew\n"
            }
            try await isKept(pc1)
            try await pc2.killDaemon()
            try await eventually("pc3 reads it", within: promised(5)) {
                try await pc3.officeshare(["cat", "pc2/docs/g"], as: "bob").stdout == "new\n"
            }
        }
    }

    /// The server copies what nobody of its own machine may see, and serves it by its owner's list.
    @Test func itIsForWhomItsOwnerAllowsIt() async throws {
        try await withMarked("--allow", "bob@pc3") { pc1, pc2, pc3 in
            for online in [true, false] {
                if !online { try await pc2.killDaemon() }
                try await eventually("bob reads it", within: promised(5)) {
                    try await pc3.officeshare(["cat", "pc2/docs/f"], as: "bob").stdout == "one\n"
                }
                for (host, user) in [(pc1, "bob"), (pc3, "alice")] {
                    #expect(try await host.ask("ls", as: user, of: [Offer].self).isEmpty)
                    let read = try await host.officeshare(["cat", "pc2/docs/f"], as: user)
                    #expect(read.status == (online ? 66 : 69), "\(read)")
                }
            }
        }
    }

    @Test func itEndsWhenItsOwnerSaysSo() async throws {
        try await withMarked { pc1, pc2, _ in
            try await pc1.refused(77, "unpin", "pc2/docs")
            try await pc2.must("share", "set", "docs", "--no-keep", as: "alice")
            try await eventually("it is gone", within: promised(5)) {
                try await pc1.shell("ls -A /var/lib/officeshare/pins").lines.isEmpty
            }
            #expect(try await pc1.ask("pins", of: [Copy].self).isEmpty)
            try await pc2.must("share", "set", "docs", "--keep", as: "alice")
            try await isKept(pc1)
            // Another server keeps it instead.
            try await pc1.must("promote", "pc3")
            try await eventually("pc1 doesn't", within: promised(10)) {
                try await pc1.ask("pins", of: [Copy].self).isEmpty
            }
        }
    }
}
