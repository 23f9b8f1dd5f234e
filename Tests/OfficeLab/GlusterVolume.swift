internal import Foundation
internal import OfficeCore

/// A real GlusterFS volume of three of the lab's hosts: a brick on each, three copies of everything.
///
/// The commands are those of docs/distributed.md. Daemons run in the hosts' own namespaces and end with them.
package struct GlusterVolume: Sendable {
    package static let name = "office"
    private static let brick = "/srv/brick/office"

    /// What a volume has to be told so that two hosts see the same at once, and one that is lost isn't waited for long.
    package static let options: [(String, String)] =
        [
            "quick-read", "io-cache", "read-ahead", "stat-prefetch", "readdir-ahead", "open-behind", "write-behind",
            "flush-behind",
        ].map { ("performance.\($0)", "off") } + [
            ("cluster.heal-timeout", "10"), ("network.ping-timeout", "5"), ("client.tcp-user-timeout", "8"),
            ("server.tcp-user-timeout", "8"),
        ]
    package static let mountOptions =
        "attribute-timeout=0,entry-timeout=0,negative-timeout=0,direct-io-mode=enable"

    /// Those with a brick.
    package let hosts: [LabHost]

    /// Raises glusterd on these hosts and makes the volume of them.
    ///
    /// - Parameter tuned: Whether it is fit for two nodes; without, it is as `gluster volume create` makes it.
    package static func raise(on hosts: [LabHost], tuned: Bool = true) async throws -> GlusterVolume {
        let names = hosts.map { "\($0.address) \($0.name)" }.joined(separator: "\n")
        for host in hosts {
            try await host.shell(
                """
                set -e
                printf '%s\\n' '\(names)' >>/etc/hosts
                rm -rf /var/lib/glusterd; mkdir -p /var/lib/glusterd /var/log/glusterfs /run/gluster \(brick)
                """
            ).checked()
            _ = try host.start(["glusterd", "--no-daemon", "--log-level", "WARNING"], log: "glusterd")
        }
        for host in hosts {
            try await eventually("\(host.name): glusterd serves", within: .seconds(20)) {
                try await host.run(["gluster", "pool", "list"]).status == 0
            }
        }
        let first = hosts[0]
        for host in hosts.dropFirst() { try await first.gluster("peer", "probe", host.name) }
        for host in hosts {
            try await eventually("\(host.name) sees all hosts in the pool", within: .seconds(20)) {
                let pool = try await host.run(["gluster", "pool", "list"]).checked().stdout
                return pool.components(separatedBy: "Connected").count == hosts.count + 1
            }
        }
        try await first.gluster(
            ["volume", "create", name, "replica", "\(hosts.count)"] + hosts.map { "\($0.name):\(brick)" } + ["force"])
        let volume = GlusterVolume(hosts: hosts)
        if tuned { try await volume.tune() }
        try await first.gluster("volume", "start", name)
        return volume
    }

    package func tune() async throws {
        for (option, value) in Self.options { try await hosts[0].gluster("volume", "set", Self.name, option, value) }
    }

    /// Mounts it, for the service to write to.
    package func mount(on host: LabHost, at path: String, tuned: Bool = true) async throws {
        let options = tuned ? ["-o", "\(Self.mountOptions),log-level=WARNING"] : []
        try await host.run(["mkdir", "-p", path]).checked()
        try await eventually("\(host.name) mounts it", within: .seconds(20)) {
            try await host.run(["mount", "-t", "glusterfs"] + options + ["localhost:/\(Self.name)", path]).checked()
            return true
        }
        try await host.run(["chown", "officeshare:", path]).checked()
        try await host.run(["chmod", "755", path]).checked()
    }

    /// Kills the process that holds a host's part of it.
    package func killBrick(of host: LabHost) async throws {
        try await host.run(["pkill", "-KILL", "-f", "glusterfsd.*\(Self.brick.replacing("/", with: "-").dropFirst())"])
            .checked()
    }

    /// Has it run again.
    package func startBrick(of host: LabHost) async throws {
        try await host.gluster("volume", "start", Self.name, "force")
    }

    /// Files that one of the bricks doesn't have yet as the others do; nil where that can't be known now.
    package func unhealed() async throws -> Int? {
        let told = try await hosts[0].run(["gluster", "volume", "heal", Self.name, "info"])
        guard told.status == 0, !told.stdout.contains("not connected") else { return nil }
        return told.lines.reduce(0) { sum, line in
            guard line.hasPrefix("Number of entries: ") else { return sum }
            return sum + (Int(line.dropFirst("Number of entries: ".count)) ?? 0)
        }
    }
}

extension LabHost {
    fileprivate func gluster(_ words: String...) async throws { try await gluster(words) }

    fileprivate func gluster(_ words: [String]) async throws {
        try await run(["gluster", "--mode=script"] + words, timeout: .seconds(60)).checked()
    }
}
