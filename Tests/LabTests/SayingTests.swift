import Foundation
import OfficeLab
import Testing

/// What goes wrong is said of the thing that it happened to, each thing once, and by its exact name.
@Suite(.serialized, .lab, .timeLimit(.minutes(2)))
struct SayingTests {
    private struct Summary: Decodable {
        struct Failure: Decodable { let path: String, pathBytes: String? }
        let files: Int, failed: [Failure]
    }

    /// pc1 is the file server with the space `open`; the test is on pc2.
    private func withSpace(_ body: (LabHost, LabHost) async throws -> Void) async throws {
        try await withOffice("pc1", "pc2") { lab in
            try await lab["pc1"].must("promote")
            try await lab["pc1"].must("space", "add", "open")
            try await eventually("pc2 knows the space", within: promised(5)) {
                try await lab["pc2"].officeshare(["ls", "office/open"], as: "bob").status == 0
            }
            try await body(lab["pc1"], lab["pc2"])
        }
    }

    private func said(_ host: LabHost, _ arguments: String..., status: Int32, of what: String) async throws {
        let refused = try await host.officeshare(arguments, as: "bob")
        expectRefusal(refused, status)
        #expect(refused.stderr.hasPrefix("officeshare: \(what): "), "\(refused.stderr)")
    }

    @Test func aQuotaRefusesEachFileThatHasNoRoom() async throws {
        try await withSpace { pc1, pc2 in
            try await pc1.must("space", "add", "tiny", "--quota", "5")
            try await pc2.shell("mkdir n && for i in $(seq 14); do printf x >n/$i; done", as: "bob").checked()
            let put = try await pc2.officeshare(["put", "-r", "./n", "office/tiny/n", "--json"], as: "bob")
            let summary = try JSONDecoder().decode(Summary.self, from: Data(put.stdout.utf8))
            #expect(put.status == 1 && summary.files == 5 && summary.failed.count == 9, "\(put)")
            let again = try await pc2.officeshare(["put", "-r", "./n", "office/tiny/n"], as: "bob")
            #expect(again.stderr.split(separator: "\n").count { $0.contains("office/tiny/n/") } == 9, "\(again)")
        }
    }

    @Test func whereAFileCannotGoIsNamed() async throws {
        try await withSpace { pc1, pc2 in
            try await pc1.must("put", "/etc/hostname", "office/open/doc", as: "alice")
            try await said(pc2, "put", "/etc/hostname", "office/open/doc", status: 73, of: "office/open/doc")
            try await pc1.must("lock", "office/open/doc", as: "alice")
            try await said(pc2, "put", "--force", "/etc/hostname", "office/open/doc", status: 77, of: "office/open/doc")
            try await said(pc2, "get", "office/open/doc", "/etc/x", status: 73, of: "/etc/x")
            try await said(pc2, "get", "office/open/doc", "/root/x", status: 73, of: "/root/x")
        }
    }

    @Test func aNameMayLookLikeAVersion() async throws {
        try await withSpace { _, pc2 in
            try await pc2.shell("echo one >a@1", as: "bob").checked()
            try await pc2.must("put", "./a@1", "office/open/a@1", as: "bob")
            try await pc2.must("rm", "office/open/a@1", as: "bob")
            try await pc2.must("restore", "office/open/a@1", as: "bob")
            #expect(try await pc2.must("cat", "office/open/a@1", as: "bob").stdout == "one\n")
            try await said(pc2, "restore", "office/open/a@7", status: 66, of: "a@7")
        }
    }

    @Test func jsonHasNamesExactly() async throws {
        try await withSpace { _, pc2 in
            let missing = try await pc2.officeshare(["put", "./no\nsuch", "office/open/x", "--json"], as: "bob")
            let summary = try JSONDecoder().decode(Summary.self, from: Data(missing.stdout.utf8))
            #expect(summary.failed.map(\.path) == ["./no\nsuch"] && summary.failed[0].pathBytes == nil)
            #expect(missing.stderr.contains(#""./no\nsuch""#), "\(missing.stderr)")
        }
    }
}
