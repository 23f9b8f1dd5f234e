import Foundation
import OfficeLab
import Testing

/// Those who have no right: strangers on the LAN, members that were removed, other users of the machine.
@Suite(.serialized, .lab, .timeLimit(.minutes(2)))
struct StrangerTests {
    // MARK: The members' port

    private static let request = "GET /v1/events HTTP/1.1\r\nHost: officeshare\r\n\r\n"

    /// What a caller with this certificate hears from pc1 to the request of a member, and the whole dialogue.
    private func speak(
        to pc1: LabHost, from host: LabHost, alpn: String = "officeshare/1", with key: String?
    ) async throws -> String {
        let identity = key.map { "-cert \($0).crt -key \($0).key" } ?? ""
        let script = """
            (printf '\(Self.request.replacing("\r\n", with: "\\r\\n"))'; sleep 1) |
                timeout 5 openssl s_client -quiet -alpn \(alpn) \(identity) -connect \(pc1.address):8747 2>/dev/null
            """
        return try await host.shell(script).stdout
    }

    private func makeCertificate(on host: LabHost) async throws {
        try await host.shell(
            """
            openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 3650 -subj /CN=pc2 \
                -keyout /tmp/own.key -out /tmp/own.crt 2>/dev/null
            """
        ).checked()
    }

    @Test func aStrangerHearsNothing() async throws {
        try await withLab("pc1", "pc2", HostPlan("eve", daemon: false)) { lab in
            let (pc1, pc2, eve) = (lab["pc1"], lab["pc2"], lab["eve"])
            try await lab.foundOffice(of: [pc1, pc2])
            try await pc1.share("docs")
            try await makeCertificate(on: eve)
            try await pc2.run(["cp", "/var/lib/officeshare/node.key", "/var/lib/officeshare/node.crt", "/tmp"])
                .checked()
            // That a member hears something is what shows that the others could.
            #expect(try await speak(to: pc1, from: pc2, with: "/tmp/node").hasPrefix("HTTP/1.1 200"))

            // With an invitation open the door is ajar, for joining alone.
            for invited in [false, true] {
                if invited { _ = try await pc1.invite() }
                for key in [nil, "/tmp/own"] {
                    #expect(try await speak(to: pc1, from: eve, with: key) == "")
                }
                #expect(try await speak(to: pc1, from: eve, alpn: "http/1.1", with: "/tmp/own") == "")
                for options in [[], ["--cert", "/tmp/own.crt", "--key", "/tmp/own.key"]] {
                    for address in [pc1.address, "[\(pc1.address6)]"] {
                        let url = "https://\(address):8747/v1/shares/docs/list"
                        let curl = try await eve.run(["curl", "-sk", "-m", "5", "-w", "%{http_code}", url] + options)
                        #expect(curl.stdout == "000", "\(curl)")
                    }
                }
            }
            // Nor does the certificate tell anything.
            let hello = try await eve.shell(
                "openssl s_client -connect \(pc1.address):8747 </dev/null 2>&1 | openssl x509 -text")
            #expect(hello.stdout.contains("Certificate:"))
            for name in ["pc1", "Acme", "alice", "docs"] { #expect(!hello.stdout.contains(name), "\(hello)") }

            try await pc1.must("office", "remove", "pc2")
            #expect(try await speak(to: pc1, from: pc2, with: "/tmp/node") == "")
            let plain = try await eve.shell("printf 'GET / HTTP/1.1\\r\\n\\r\\n' | timeout 5 nc \(pc1.address) 8747")
            #expect(!plain.stdout.contains("HTTP"))
        }
    }

    @Test func aMemberHasNoMoreConnectionsThanItMay() async throws {
        try await withLab("pc1", HostPlan("pc2", daemon: false), "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await pc1.stopDaemon()
            try await pc1.startDaemon(config: "limits: {connectionsPerPeer: 6, requestSeconds: 5}\n")
            try await pc2.startDaemon()
            try await lab.foundOffice()
            try await pc2.run(["cp", "/var/lib/officeshare/node.key", "/var/lib/officeshare/node.crt", "/tmp"])
                .checked()
            let client = "openssl s_client -quiet -alpn officeshare/1 -cert /tmp/node.crt -key /tmp/node.key"
            _ = try pc2.start([
                "bash", "-c", "for n in {1..20}; do (sleep 60 | \(client) -connect \(pc1.address):8747) & done; wait",
            ])
            func served() async throws -> Int {
                try await pc1.run(["ss", "-tnH", "state", "established", "( sport = :8747 )"]).checked().lines
                    .count { $0.contains(":\(pc2.address)]") || $0.contains("\(pc2.address):") }
            }
            try await eventually("six of them are served", within: promised(10)) { try await served() >= 5 }
            try await eventually("no more than six are served", within: promised(3)) { try await served() <= 6 }
            // Others are served as before, and who says nothing is cut.
            #expect(try await pc3.officeshare(["ls", "pc1"]).status == 0)
            try await eventually("silent ones are cut", within: promised(12)) { try await served() <= 2 }
        }
    }

    @Test func whoSendsAHeadByteByByteIsCut() async throws {
        try await withLab("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await pc1.stopDaemon()
            try await pc1.startDaemon(config: "limits: {requestSeconds: 2}\n")
            try await lab.foundOffice()
            try await pc2.run(["cp", "/var/lib/officeshare/node.key", "/var/lib/officeshare/node.crt", "/tmp"])
                .checked()
            let slow = "printf 'GET / HTTP/1.1\\r\\n'; while sleep 0.3; do printf 'a: b\\r\\n' || exit; done"
            let client = "openssl s_client -quiet -alpn officeshare/1 -cert /tmp/node.crt -key /tmp/node.key"
            let byNetwork = try await pc2.shell(
                "(\(slow)) | timeout 20 \(client) -connect \(pc1.address):8747", timeout: .seconds(30))
            #expect(byNetwork.status != 124 && byNetwork.took < promised(6), "\(byNetwork)")
            let bySocket = try await pc1.shell(
                "(\(slow)) | timeout 20 nc -U /run/officeshare/control.sock", as: "bob", timeout: .seconds(30))
            #expect(bySocket.status != 124 && bySocket.took < promised(6), "\(bySocket)")
            #expect(try await pc1.members().allSatisfy(\.online))
        }
    }

    // MARK: Other users

    @Test func anotherUserGetsWhatTheListGivesAndManagesNothing() async throws {
        try await withLab("pc1", "pc2", "pc3") { lab in
            let (pc1, pc2, pc3) = (lab["pc1"], lab["pc2"], lab["pc3"])
            try await lab.foundOffice()
            try await pc1.share("private", "--allow", "alice@pc2")
            try await pc1.share("docs")
            try await eventually("alice reads hers on pc2") {
                try await pc2.officeshare(["ls", "pc1/private"], as: "alice").status == 0
            }
            for (host, user) in [(pc1, "bob"), (pc2, "bob"), (pc3, "alice")] {
                try await host.refused(66, "ls", "pc1/private", as: user)
                try await host.refused(66, "get", "pc1/private/letter", "/tmp/none", as: user)
                try await host.refused(66, "find", "letter", "pc1/private", as: user)
                try await host.refused(66, "cat", "pc1/private/letter", as: user)
                for path in ["pc1/private/", "pc1/private/mine", "pc1/private/no/such/mine"] {
                    try await host.refused(66, "put", "/etc/hostname", path, as: user)
                }
                #expect(try await host.ask("ls", as: user, of: [Offer].self).map(\.path) == ["pc1/docs"])
                #expect(try await host.ask("ls", "pc1", as: user, of: [Offer].self).map(\.path) == ["pc1/docs"])
                let found = try await host.officeshare(["find", "*"], as: user)
                #expect(!found.stdout.contains("private"))

                try await host.refused(77, "office", "create", "Mine", as: user)
                try await host.refused(77, "office", "invite", as: user)
                try await host.refused(77, "office", "remove", "pc2", as: user)
                try await host.refused(77, "office", "leave", as: user)
                try await host.refused(77, "office", "rename", "pc1", "x", as: user)
                try await host.refused(77, "office", "admin", "add", "pc2", as: user)
                try await host.refused(77, "office", "recover", as: user, input: "x\n")
                // Read-only is read-only.
                try await host.refused(77, "put", "/etc/hostname", "pc1/docs/new", as: user)
                try await host.refused(77, "mkdir", "pc1/docs/new", as: user)
                try await host.refused(77, "rm", "pc1/docs/letter", as: user)
                try await host.refused(77, "mv", "pc1/docs/letter", "pc1/docs/mine", as: user)
            }
            try await pc1.refused(77, "share", "rm", "docs", as: "bob")
            try await pc1.refused(77, "share", "set", "docs", "--rw", as: "bob")
            try await pc1.refused(77, "share", "add", "/home/alice/docs", "--name", "mine", as: "bob")
            try await pc1.run(["chmod", "700", "/home/alice/private"]).checked()
            try await pc1.refused(77, "share", "add", "/home/alice/private", "--name", "mine", as: "bob")
            try await pc2.refused(77, "put", "/etc/hostname", "pc1/private/new", as: "alice")
            #expect(try pc1.read("/home/alice/docs/letter") == Data("hers\n".utf8))
            for folder in ["docs", "private"] {
                #expect(try await pc1.run(["ls", "-A", "/home/alice/\(folder)"]).lines == ["letter"])
            }
            // A member of the managers' group may.
            try await pc1.run(["usermod", "-aG", "officeshare", "bob"]).checked()
            try await pc1.must("office", "invite", as: "bob")
            try await pc1.must("share", "rm", "private", as: "bob")
        }
    }

    // MARK: Names that lead out

    /// Names under which nothing may ever be found, made, moved or removed.
    static let hostileNames = [
        "../secret", "..", "x/../../secret", "/home/alice/secret", "//home/alice/secret", "./../secret",
        "%2e%2e/secret",
        "..%2fsecret", "..\\secret", "x/./../../secret", "\u{2024}\u{2024}/secret", "..;/secret", "~/secret",
        "out/secret", "deep/out/secret", "file/secret",
    ]

    @Test func noNameReachesOutsideTheShareByAnyVerb() async throws {
        try await withLab("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await lab.foundOffice()
            try await pc1.share("docs", "--rw", "--allow", "office", files: ["letter": "hers\n"])
            let script = """
                echo SECRET >secret; mkdir docs/deep; ln -s .. docs/out; ln -s ../.. docs/deep/out; ln -s ../secret docs/file
                """
            try await pc1.shell(script, as: "alice").checked()
            func outside() async throws -> String {
                try await pc1.shell("find /home/alice -path '*/docs' -prune -o -printf '%p %s %T@ %i\\n' | sort")
                    .stdout
            }
            try await eventually("pc2 lists it") { try await pc2.officeshare(["ls", "pc1/docs"]).status == 0 }
            let before = try await outside()
            for host in [pc1, pc2] {
                for name in Self.hostileNames {
                    let path = "pc1/docs/\(name)"
                    for arguments in [
                        ["ls", path], ["ls", "-R", path], ["find", "*", path], ["get", "-r", path, "/tmp/got"],
                        ["mkdir", path + "/made"], ["rm", "-r", path], ["mv", path, "pc1/docs/stolen"],
                        ["mv", "pc1/docs/letter", path], ["cat", path], ["put", "--force", "/etc/hostname", path],
                    ] where arguments != ["mv", "pc1/docs/letter", path] || !isHarmless(name) {
                        let output = try await host.officeshare(arguments, as: "bob")
                        #expect(!(output.stdout + output.stderr).contains("SECRET"), "\(output)")
                        #expect(isHarmless(name) || output.status != 0, "\(output)")
                        #expect(output.stderr.split(separator: "\n").count <= 2, "\(output)")
                    }
                }
            }
            // Overwriting a link never overwrites what it leads to.
            _ = try await pc2.officeshare(["put", "--force", "/etc/hostname", "pc1/docs/file"], as: "bob")
            #expect(try await outside() == before)
            #expect(try pc1.read("/home/alice/secret") == Data("SECRET\n".utf8))
            #expect(!pc2.exists("/tmp/got/secret") && !pc1.exists("/tmp/got/secret"))
            #expect(try pc1.read("/home/alice/docs/letter") == Data("hers\n".utf8))
        }
    }

    /// A name that is an odd one inside the share and nothing else: it may be made there.
    private func isHarmless(_ name: String) -> Bool {
        !name.hasPrefix("/") && !name.split(separator: "/").contains("..") && !name.split(separator: "/").contains(".")
            && !name.contains("out/") && !name.hasPrefix("file/")
    }

    @Test func framesThatTheCommandWouldNeverSendAreRefused() async throws {
        try await withLab("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await lab.foundOffice()
            try await pc1.share("docs", "--rw", "--allow", "office")
            try await pc1.shell(
                "echo SECRET >secret; touch outsider; ln -s .. docs/out; ln -s /home/alice/secret docs/link",
                as: "alice"
            )
            .checked()
            try await eventually("pc2 lists it") { try await pc2.officeshare(["ls", "pc1/docs"]).status == 0 }
            var paths = [
                "../secret", "/home/alice/secret", "letter/../../secret", "..", ".", "out/secret", "a//b", "letter\0x",
                "\0", "x/", "/",
            ].map { Array($0.utf8) }
            paths += [
                [UInt8](repeating: 0x6e, count: 256), [0xff, 0x2f, 0x2e, 0x2e, 0x2f, 0x2e, 0x2e],
                Array(repeating: 0x2f, count: 65_000),
            ]
            for host in [pc1, pc2] {
                for path in paths {
                    for (verb, frame) in Self.frames(path) {
                        let answer = try await Self.post("pc1/shares/docs/\(verb)", frame, on: host)
                        let text = String(decoding: answer, as: UTF8.self)
                        #expect(!text.contains("SECRET") && !text.contains("outsider"), "\(verb) \(path)")
                    }
                }
                for target in [
                    "pc1/shares/../../status", "pc1/shares/%2e%2e%2fdocs/list", "pc1/shares/docs%00/list",
                    "..%2f/shares/docs/list", "pc1/shares/\(String(repeating: "n", count: 20_000))/list",
                ] {
                    let answer = try await Self.post(target, Self.frames(Array("letter".utf8))[0].1, on: host)
                    #expect(!String(decoding: answer, as: UTF8.self).contains("letter"))
                }
                #expect(try await host.status().office?.name == "Acme")
            }
            #expect(try pc1.read("/home/alice/secret") == Data("SECRET\n".utf8))
            #expect(try pc1.read("/home/alice/docs/letter") == Data("hers\n".utf8))
        }
    }

    /// Requests of each verb that name this path, as docs/protocol.md has them.
    private static func frames(_ path: [UInt8]) -> [(String, Data)] {
        func big(_ number: Int, _ bytes: Int) -> [UInt8] {
            (0..<bytes).map { UInt8(truncatingIfNeeded: number >> (8 * (bytes - 1 - $0))) }
        }
        func frame(_ kind: UInt8, _ payload: [UInt8]) -> Data { Data([kind] + big(payload.count, 4) + payload) }
        let path = big(path.count, 2) + path
        let letter = big(6, 2) + Array("letter".utf8)
        return [
            ("list", frame(0x01, [3] + path + big(0, 2) + big(0, 4))),
            ("fetch", frame(0x02, big(0, 4) + [0] + path + [0] + big(0, 4))),
            ("change", frame(0x05, big(0, 4) + [1, 1] + path)),
            ("change", frame(0x05, big(0, 4) + [2, 1] + letter + path)),
            ("change", frame(0x05, big(0, 4) + [3, 1] + path)),
            ("change", frame(0x05, big(0, 4) + [5, 1] + path)),
        ]
    }

    private static func post(_ target: String, _ body: Data, on host: LabHost) async throws -> Data {
        try await host.run(
            [
                "curl", "-s", "-m", "10", "--path-as-is", "--unix-socket", "/run/officeshare/control.sock",
                "--data-binary", "@-",
                "-H", "Content-Type: application/x-officeshare-frames", "http://localhost/v1/nodes/\(target)",
            ], as: "bob", input: body
        ).stdoutBytes
    }

    @Test func linksOutOfTheShareAreLinksAndNothingElse() async throws {
        try await withLab("pc1", "pc2") { lab in
            let (pc1, pc2) = (lab["pc1"], lab["pc2"])
            try await lab.foundOffice()
            try await pc1.share("docs", "--rw", "--allow", "office")
            try await pc1.shell(
                "ln -s /etc docs/etc; ln -s /etc/passwd docs/passwd; ln -s deep docs/in; mkdir docs/deep; echo 1 >docs/deep/file",
                as: "alice"
            ).checked()
            try await eventually("pc2 lists it") { try await pc2.officeshare(["ls", "pc1/docs"]).status == 0 }
            #expect(try await pc2.must("ls", "pc1/docs").stdout.contains("passwd"))
            for path in ["pc1/docs/etc/passwd", "pc1/docs/etc/."] {
                for arguments in [
                    ["ls", path], ["get", "-r", path, "/tmp/got"], ["rm", "-r", path + "/x"], ["mkdir", path + "/x"],
                ] {
                    let output = try await pc2.officeshare(arguments)
                    #expect(output.status != 0 && !output.stdout.contains("root"), "\(output)")
                }
            }
            try await pc2.must("get", "-r", "pc1/docs/", "/tmp/copy")
            #expect(try await pc2.run(["readlink", "/tmp/copy/passwd"]).stdout == "/etc/passwd\n")
            #expect(try await pc2.run(["readlink", "/tmp/copy/etc"]).stdout == "/etc\n")
            let put = try await pc2.officeshare(["put", "-r", "/tmp/copy", "pc1/docs/again"])
            #expect(
                put.status == 1 && put.stderr.contains("again/passwd") && put.stderr.contains("again/etc"), "\(put)")
            #expect(!pc1.exists("/home/alice/docs/again/etc/passwd"))
            // Removing the link removes the link.
            try await pc2.must("rm", "pc1/docs/passwd")
            #expect(pc1.exists("/etc/passwd") && !pc1.exists("/home/alice/docs/passwd"))
        }
    }
}
