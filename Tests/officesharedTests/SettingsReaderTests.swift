import Foundation
import Logging
import OfficeCore
import Testing

@testable import OfficeConfiguration

@Suite("Reading the configuration")
struct SettingsReaderTests {
    @Test("without a file, flags and variables the defaults serve")
    func nothing() async {
        let reading = await SettingsReader(file: nil, flags: [], environment: ["HOME": "/root"]).read()
        // A machine that has officeshare installed has the default file, which is all comments.
        #expect(reading.problems == [])
        #expect(reading.settings == Settings())
    }

    @Test("a flag comes before a variable, that before the file, that before the default")
    func layers() async throws {
        let yaml = """
            port: 1001
            logLevel: debug
            peers: [a, "b:81"]
            limits:
              shares: 3
              openFiles: 100
            """
        let environment = ["OFFICESHARE_PORT": "1002", "OFFICESHARE_LIMITS_SHARES": "4", "OFFICESHARE_PEERS": "c, d"]
        let reading = try await reading(yaml, set: [("limits.shares", "5")], environment: environment)
        #expect(reading.problems == [])
        var expected = Settings()
        expected.port = 1002
        expected.logLevel = .debug
        expected.staticPeers = ["c", "d"]
        expected.limits.shares = 5
        expected.limits.openFiles = 100
        #expect(reading.settings == expected)
    }

    @Test("every key is reached by file, variable and flag, and lands in a place of its own")
    func everyKey() async throws {
        var seen: [Settings] = []
        for key in ConfigurationKey.all {
            let other = different(key)
            let flat = other.joined(separator: ",")
            let written = key.isList ? "[\(other.map { "'\($0)'" }.joined(separator: ", "))]" : flat
            let yaml = key.path.count == 1 ? "\(key.name): \(written)" : "\(key.path[0]):\n  \(key.path[1]): \(written)"
            let byFile = try await reading(yaml)
            let byVariable = try await reading(environment: [key.environmentName: flat])
            let byFlag = try await reading(set: [(key.name, flat)])
            #expect(byFile.problems + byVariable.problems + byFlag.problems == [], "\(key.name)")
            #expect(byFile.settings == byVariable.settings && byFile.settings == byFlag.settings, "\(key.name)")
            #expect(Settings().changes(to: byFile.settings).map(\.name) == [key.name])
            #expect(!seen.contains(byFile.settings))
            seen.append(byFile.settings)
        }
        #expect(leaves(of: Settings()) == ConfigurationKey.all.count, "a setting without a key, or a key without one")
    }

    @Test("everything that is wrong is told at once, with line, what is allowed and what was meant")
    func problems() async throws {
        let yaml = """
            # a comment
            prot: 8747
            port: 65536
            limits:
              conections: 3
              shares: many
              handshakes:
            limits.openFiles: 3
            discovery:
              interfaces: eth0
            connections: 4
            """
        let reading = try await reading(
            yaml, set: [("limits.prts", "1"), ("name", "-x")],
            environment: ["OFFICESHARE_PROT": "1", "OFFICESHARE_LOG_LEVEL": "loud", "OFFICESHARE_SOCKET": "/s"])
        let lines = reading.problems.map(\.description)
        #expect(
            lines == [
                "--set limits.prts: there is no such key. officeshare.yaml(5) lists all keys.",
                "OFFICESHARE_PROT: there is no such variable. Did you mean 'OFFICESHARE_PORT'?",
                "c.yaml:2: prot: there is no such key. Did you mean 'port'?",
                "c.yaml:5: limits.conections: there is no such key. Did you mean 'limits.connections'?",
                "c.yaml:7: limits.handshakes: there is no value. Give a whole number from 1 to 4096.",
                "c.yaml:8: limits.openFiles: a section's keys stand below it. "
                    + "Write 'openFiles:' indented below 'limits':.",
                "c.yaml:10: discovery.interfaces: one value is not a list. "
                    + "Give a list of at most 64 interface names, '*' and '?' standing for what varies.",
                "c.yaml:11: connections: there is no such key. Did you mean 'limits.connections'?",
                "--set name: a name can't begin with '-'. Give a name of 1 to 63 bytes, or '' for the host's own.",
                "c.yaml:3: port: 65536 is out of range. Give a whole number from 1 to 65535.",
                "OFFICESHARE_LOG_LEVEL: there is no level 'loud'. "
                    + "Give one of trace, debug, info, notice, warning, error, critical.",
                "c.yaml:6: limits.shares: 'many' is not a whole number. Give a whole number from 1 to 10000.",
            ])
        #expect(reading.problems.allSatisfy { $0.code == .configuration })
    }

    @Test("a bad value in the file is told even where a flag overrides it")
    func overridden() async throws {
        let reading = try await reading("port: x", set: [("port", "80")])
        #expect(reading.problems.map(\.what) == ["c.yaml:1: port"])
    }

    @Test(
        "what is not a configuration is refused on one line",
        arguments: [
            ("port: 1\nport: 2", "c.yaml:1: port: the key is there twice. Remove all but one."),
            ("limits:\n  shares: 1\n  shares: 1", "c.yaml:2: shares: the key is there twice. Remove all but one."),
            (
                "port: [1\nx",
                "c.yaml:3: not YAML: did not find expected ',' or ']'. Mend the file there, or just before."
            ),
            ("- a", "c.yaml:1: the file is not a list of keys. Write 'KEY: VALUE' lines."),
            ("hello", "c.yaml:1: the file is not a list of keys. Write 'KEY: VALUE' lines."),
            ("? [a]\n: b", "c.yaml:1: a key has to be a word. Write 'KEY: VALUE' lines."),
            ("limits: 5", "c.yaml:1: limits: a section has keys, not a value. Write its keys below it, indented."),
            (
                "port: {a: b}",
                "c.yaml:1: port: keys below it are not possible here. Give a whole number from 1 to 65535."
            ),
            ("port: [1]", "c.yaml:1: port: a list is not possible here. Give a whole number from 1 to 65535."),
            (
                "listenAddresses: [[a]]",
                "c.yaml:1: listenAddresses: a list has to have one value in each place. "
                    + "Give a list of at most 64 IPv4 or IPv6 addresses."
            ),
            ("shares: [{name: x}]", "c.yaml:1: shares: there is no such key. Did you mean 'limits.shares'?"),
            (
                "port: 1\n---\nport: 2",
                "c.yaml:2: not YAML: but found another document. Mend the file there, or just before."
            ),
        ])
    func notConfigurations(_ yaml: String, _ line: String) async throws {
        #expect(try await reading(yaml).problems.map(\.description) == [line])
    }

    @Test("a file without anything in it is as good as none", arguments: ["", "# a\n", "---\n", "~", "limits:\n"])
    func empty(_ yaml: String) async throws {
        let reading = try await reading(yaml)
        #expect(reading.problems == [] && reading.settings == Settings())
    }

    @Test("hostile text comes out escaped and short")
    func hostile() async throws {
        let reading = try await reading("port: \"a\\u001b[2J\(String(repeating: "x", count: 500))\"")
        let line = try #require(reading.problems.first?.description)
        #expect(line.hasPrefix("c.yaml:1: port: 'a\\x1B[2Jxxx") || line.hasPrefix("c.yaml:1: port: 'a\\x1b[2Jxxx"))
        #expect(line.utf8.count < 200)
        let invalid = ConfigurationFile(path: "f", bytes: [0x61, 0xFF])
        #expect(invalid.problems.map(\.description) == ["f: the file is not UTF-8 text. Write it as UTF-8."])
    }

    @Test("a file that is named has to be there, be a file, and be of a bearable size")
    func files() async throws {
        try await withTemporaryFolder { folder in
            func problems(_ file: String, _ environment: [String: String] = [:]) async -> [String] {
                let reader = SettingsReader(file: file.isEmpty ? nil : file, flags: [], environment: environment)
                return await reader.read().problems.map { $0.description.replacing(folder.path, with: "F") }
            }
            let none = folder.appending(path: "none.yaml").path
            let absent = "F/none.yaml: there is no such file. Name one that is there, or leave it out."
            #expect(await problems(none) == [absent])
            #expect(await problems("", [SettingsReader.fileVariable: none]) == [absent])
            #expect(await problems(folder.path) == ["F: it is not a file."])
            #expect(await problems("/dev/null") == [])

            let fifo = folder.appending(path: "fifo").path
            #expect(mkfifo(fifo, 0o600) == 0)
            #expect(await problems(fifo) == ["F/fifo: it is not a file."])

            let limit = SettingsReader.fileLimit
            let long = folder.appending(path: "long.yaml")
            try Data(repeating: 0x23, count: limit).write(to: long)
            #expect(await problems(long.path) == [])
            try Data(repeating: 0x23, count: limit + 1).write(to: long)
            #expect(await problems(long.path) == ["F/long.yaml: it is longer than \(limit) bytes."])
        }
    }

    @Test("each number is possible at its bounds and refused past them")
    func bounds() throws {
        for key in ConfigurationKey.all {
            let range: ClosedRange<Int>
            switch key.field {
            case .integer(_, let bounds): range = bounds
            case .port: range = 1...65535
            default: continue
            }
            var settings = Settings()
            for number in [range.lowerBound, range.upperBound] {
                try key.set(.one(String(number)), in: &settings)
                #expect(key.value(in: settings) == .one(String(number)))
            }
            for number in [
                String(range.lowerBound - 1), String(range.upperBound + 1), "99999999999999999999", "1.5", "",
            ] {
                #expect(throws: OfficeError.self, "\(key.name) \(number)") { try key.set(.one(number), in: &settings) }
            }
        }
    }

    @Test("lists and paths hold their limits")
    func limits() throws {
        var settings = Settings()
        let peers = try #require(ConfigurationKey.named("peers"))
        try peers.set(.many(Array(repeating: "a", count: 256)), in: &settings)
        #expect(throws: OfficeError.self) { try peers.set(.many(Array(repeating: "a", count: 257)), in: &settings) }
        let socket = try #require(ConfigurationKey.named("controlSocket"))
        try socket.set(.one("/" + String(repeating: "a", count: 106)), in: &settings)
        for path in ["/" + String(repeating: "a", count: 107), "relative", "", "/a\0b"] {
            #expect(throws: OfficeError.self) { try socket.set(.one(path), in: &settings) }
        }
    }

    @Test(
        "peers are HOST, HOST:PORT or [ADDRESS]:PORT",
        arguments: [
            ("alice-pc", "alice-pc", nil), ("a.example.", "a.example.", nil), ("10.0.0.7:80", "10.0.0.7", 80),
            ("[2001:db8::7]:8747", "2001:db8::7", 8747), ("[::1]", "::1", nil), ("x_y:65535", "x_y", 65535),
        ] as [(String, String, UInt16?)])
    func peers(_ text: String, _ host: String, _ port: UInt16?) throws {
        let peer = try PeerAddress(parsing: text)
        #expect(peer.host == host && peer.port == port)
    }

    @Test(
        "what is no peer is refused",
        arguments: [
            "", ":80", "a:", "a:0", "a:65536", "a:80x", "2001:db8::7", "[2001:db8::7", "[a]:80", "[::1]80", "a b",
            "a/b",
            "-a", "a..b", "ä", String(repeating: "a", count: 64), "a:80:90", "a\0",
        ])
    func noPeers(_ text: String) {
        #expect(throws: OfficeError.self) { try PeerAddress(parsing: text) }
    }

    @Test("a reload takes what can change live, and leaves the rest to a restart")
    func live() {
        var wanted = Settings()
        wanted.logLevel = .debug
        wanted.staticPeers = ["a"]
        wanted.port = 1
        let applied = Settings().applyingLive(of: wanted)
        #expect(applied.logLevel == .debug && applied.staticPeers == ["a"] && applied.port == 8747)
        #expect(applied.changes(to: wanted).map(\.name) == ["port"])
    }

    @Test("slips are counted as people make them")
    func distances() {
        #expect(editDistance("prot", "port") == 1)
        #expect(editDistance("", "abc") == 3)
        #expect(editDistance("abc", "") == 3)
        #expect(editDistance("kitten", "sitting") == 3)
        #expect(ConfigurationKey.nearest(to: "LogLevel")?.name == "logLevel")
        #expect(ConfigurationKey.nearest(to: "something") == nil)
        #expect(ConfigurationKey.nearest(to: String(repeating: "x", count: 1 << 20)) == nil)
    }

    /// A value that is possible and not the default.
    private func different(_ key: ConfigurationKey) -> [String] {
        switch key.field {
        case .label: ["other"]
        case .path: ["/other"]
        case .port: ["99"]
        case .integer(_, let range): [String(range.upperBound)]
        case .flag: [key.value(in: Settings()) == .one("true") ? "false" : "true"]
        case .level: ["trace"]
        case .list(_, .address, _): ["10.0.0.1", "fe80::1"]
        case .list(_, .limitPeriod, _): ["01:00-02:00 5", "03:00-04:00 6"]
        case .list: ["a1", "b2"]
        }
    }

    /// How many settings there are, those in a section counted each.
    private func leaves(of value: Any) -> Int {
        Mirror(reflecting: value).children.reduce(0) { count, child in
            let isSection =
                child.value is Settings.Discovery || child.value is Settings.Limits
                || child.value is Settings.Printing || child.value is Settings.Outbox || child.value is Settings.Inbox
                || child.value is Settings.Transfers
            return count + (isSection ? leaves(of: child.value) : 1)
        }
    }
}
