import Foundation
import Synchronization

/// A LAN of hosts that are namespaces: each has a network, a name, a D-Bus and an avahi-daemon of its own, and
/// is a port of one switch. Nothing leaves it. Needs root.
///
/// Everything that is made is noted, and taken down last-in-first-out, by pid and by name.
final class TestLAN: Sendable {
    static let isPossible = geteuid() == 0
    private static let count = Atomic(0)

    private let prefix = "odt\(getpid())x\(TestLAN.count.add(1, ordering: .relaxed).newValue)"
    private var switchName: String { prefix + "sw" }

    /// Raises a LAN, has the test's way with it, and takes it down whatever happened.
    static func with(_ body: (TestLAN) async throws -> Void) async throws {
        let lan = TestLAN()
        do {
            try await lan.raise()
            try await body(lan)
        } catch {
            await lan.takeDown()
            throw error
        }
        await lan.takeDown()
    }

    private func raise() async throws {
        try await command("ip netns add \(switchName)")
        try await command("ip -n \(switchName) link add br0 type bridge mcast_snooping 0")
        try await command("ip -n \(switchName) link set br0 up")
    }

    /// Plugs a new host in, at 198.51.100.NUMBER.
    func host(_ number: Int, avahi: Bool = true) async throws -> TestHost {
        let name = "\(prefix)h\(number)"
        try await command("ip netns add \(name)")
        try await command("ip -n \(name) link set lo up")
        let host = try await TestHost(namespace: name, hostName: "pc\(number)")
        try await plug(host, "eth0", address: "198.51.100.\(number)/24")
        try await host.startBus()
        if avahi { try await host.startAvahi() }
        return host
    }

    /// Gives a host one more interface on the switch.
    func plug(_ host: TestHost, _ interface: String, address: String) async throws {
        let number = Self.count.add(1, ordering: .relaxed).newValue
        let port = "port\(number)"
        try await command(
            "ip -n \(host.namespace) link add \(interface) type veth peer name \(port) netns \(switchName)")
        try await command("ip -n \(switchName) link set \(port) master br0 up")
        try await command("ip -n \(host.namespace) addr add \(address) dev \(interface)")
        try await command("ip -n \(host.namespace) link set \(interface) up")
        try await command("ip -n \(host.namespace) route add 224.0.0.0/4 dev \(interface) metric \(number)")
    }

    private func takeDown() async {
        let all = (try? await command("ip netns list")) ?? ""
        for line in all.split(separator: "\n") {
            guard let name = line.split(separator: " ").first.map(String.init), name.hasPrefix(prefix) else { continue }
            for pid in await Self.pids(in: name) { kill(pid, SIGKILL) }
            _ = try? await command("ip netns del \(name)")
        }
    }

    static func pids(in namespace: String) async -> [pid_t] {
        ((try? await command("ip netns pids \(namespace)")) ?? "").split(separator: "\n").compactMap { pid_t($0) }
    }
}

/// One host of a `TestLAN`.
final class TestHost: Sendable {
    let namespace: String
    /// The process that holds the namespaces.
    private let keeper: pid_t

    init(namespace: String, hostName: String) async throws {
        self.namespace = namespace
        let process = Process()
        let output = Pipe()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        let script = """
            mount --make-rprivate / && mount -t tmpfs tmpfs /run && mkdir -p /run/dbus /run/avahi-daemon \
            && chown avahi:avahi /run/avahi-daemon && hostname \(hostName) && echo ready && exec sleep infinity
            """
        process.arguments = ["ip", "netns", "exec", namespace, "unshare", "-m", "-u", "sh", "-c", script]
        process.standardOutput = output
        process.standardInput = FileHandle.nullDevice
        try process.run()
        keeper = process.processIdentifier
        guard output.fileHandleForReading.availableData == Data("ready\n".utf8) else {
            throw CommandFailure(description: "the host \(hostName) didn't come up")
        }
    }

    /// The words that run a command on this host.
    func inside(_ words: [String]) -> [String] { ["nsenter", "-t", "\(keeper)", "-n", "-m", "-u"] + words }

    @discardableResult
    func run(_ line: String) async throws -> String {
        try await command(inside(line.split(separator: " ").map(String.init)))
    }

    /// Starts a daemon that puts itself into the background. It would keep open what it was given, among it the
    /// socket by whose end Foundation knows that a process has ended.
    private func start(_ line: String) async throws {
        let closing = "for f in /proc/self/fd/*; do n=${f##*/}; (( n > 2 )) && eval \"exec $n>&-\"; done"
        try await command(inside(["bash", "-c", "\(closing); exec \(line) >/dev/null 2>&1"]))
    }

    func startBus() async throws { try await start("dbus-daemon --system --fork --nopidfile") }

    func startAvahi() async throws {
        // After a kill, the old one's entry in the process table takes a moment to go.
        for _ in 0..<200 {
            if (try? await start("avahi-daemon -D --no-chroot --no-rlimits")) != nil { return }
        }
        try await start("avahi-daemon -D --no-chroot --no-rlimits")
    }

    func killAvahi() async throws { try await killOwn { $0 == "avahi-daemon" } }

    func killBus() async throws { try await killOwn { $0 == "dbus-daemon" } }

    /// Kills this host's processes of that name, and no other's.
    private func killOwn(_ isMeant: (String) -> Bool) async throws {
        for pid in await TestLAN.pids(in: namespace) {
            let name = try? String(contentsOfFile: "/proc/\(pid)/comm", encoding: .utf8)
            if isMeant(name?.trimmingCharacters(in: .newlines) ?? "") { kill(pid, SIGKILL) }
        }
    }

    func probe(_ arguments: String...) throws -> Probe {
        try Probe(inside([Probe.path] + arguments))
    }
}
