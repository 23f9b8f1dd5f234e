internal import Foundation
internal import OfficeCore
internal import OfficeLab

/// Syncthing on two hosts, one folder between them, as its documentation advises: default settings, but that both know
/// the other's address and nothing of the world outside.
struct SyncthingService {
    private let processes: [HostProcess]
    private let sender: LabHost
    private let receiver: LabHost
    private static let key = "bench"

    static func start(from sender: LabHost, to receiver: LabHost) async throws -> SyncthingService {
        var ids: [String] = []
        for host in [sender, receiver] {
            let generate = "syncthing generate --no-default-folder --skip-port-probing --home=.sync >/dev/null"
            try await host.shell("mkdir -p sync && \(generate)", as: "alice", timeout: .seconds(60)).checked()
            let told = try await host.run(["syncthing", "--home=.sync", "--device-id"], as: "alice").checked()
            guard let id = told.lines.first else { throw OfficeError(.fault, "syncthing", "\(told)") }
            ids.append(id)
        }
        var processes: [HostProcess] = []
        for host in [sender, receiver] {
            let devices = zip(ids, [sender, receiver]).map { id, other in
                """
                <device id="\(id)" name="\(other.name)" compression="metadata">
                <address>tcp://\(other.address):22000</address></device>
                """
            }
            let members = ids.map { "<device id=\"\($0)\"></device>" }.joined()
            try host.write(
                """
                <configuration version="35">
                <folder id="bench" label="bench" path="/home/alice/sync" type="sendreceive" rescanIntervalS="3600" \
                fsWatcherEnabled="true" fsWatcherDelayS="1"><filesystemType>basic</filesystemType>\(members)</folder>
                \(devices.joined())
                <gui enabled="true" tls="false"><address>127.0.0.1:8384</address><apikey>\(key)</apikey></gui>
                <options><listenAddress>tcp://0.0.0.0:22000</listenAddress>
                <globalAnnounceEnabled>false</globalAnnounceEnabled><localAnnounceEnabled>false</localAnnounceEnabled>
                <relaysEnabled>false</relaysEnabled><natEnabled>false</natEnabled><urAccepted>-1</urAccepted>
                <autoUpgradeIntervalH>0</autoUpgradeIntervalH><crashReportingEnabled>false</crashReportingEnabled>
                <startBrowser>false</startBrowser></options>
                </configuration>

                """, to: "/home/alice/.sync/config.xml")
            try await host.run(["chown", "alice:alice", "/home/alice/.sync/config.xml"]).checked()
            processes.append(
                try host.start(
                    ["syncthing", "serve", "--home=.sync", "--no-browser", "--no-restart"], as: "alice",
                    log: "syncthing"))
        }
        let service = SyncthingService(processes: processes, sender: sender, receiver: receiver)
        try await eventually("both Syncthings are connected", within: .seconds(60)) {
            try await receiver.shell(Self.ask("system/connections"), as: "alice").stdout.contains("\"connected\": true")
        }
        return service
    }

    private static func ask(_ path: String, method: String = "GET") -> String {
        "curl -s -X \(method) -H 'X-API-Key: \(key)' 'http://127.0.0.1:8384/rest/\(path)'"
    }

    /// How long what `make` puts into the sender's folder takes to be whole in the receiver's, its scan included.
    ///
    /// - Parameter isThere: A test of the shell's, in the receiver's folder.
    func carry(_ make: String, until isThere: String) async throws -> Duration {
        for host in [sender, receiver] { try await host.shell("rm -rf sync/*", as: "alice").checked() }
        try await sender.shell("cd sync && \(make)", as: "alice", timeout: .seconds(120)).checked()
        let began = ContinuousClock.now
        try await sender.shell(Self.ask("db/scan?folder=bench", method: "POST"), as: "alice", timeout: .seconds(300))
            .checked()
        let wait = "cd sync; until \(isThere); do sleep 0.02; done"
        try await receiver.shell(wait, as: "alice", timeout: .seconds(600)).checked()
        return ContinuousClock.now - began
    }
}

/// Samba on one host, with alice's home; encrypted, as ours is.
struct SambaService {
    private let server: HostProcess

    static func client(of server: LabHost) -> String {
        "smbclient //\(server.address)/home -U alice%bench --client-protection=encrypt"
    }

    static func start(on server: LabHost, client: LabHost) async throws -> SambaService {
        try server.write(
            """
            [global]
            server role = standalone server
            log file = /dev/null
            pid directory = /run
            lock directory = /run
            state directory = /run
            cache directory = /run
            private dir = /run
            ncalrpc dir = /run/ncalrpc
            disable spoolss = yes
            load printers = no
            [home]
            path = /home/alice
            read only = no
            strict sync = yes

            """, to: "/etc/samba/bench.conf")
        try await server.shell("printf 'bench\\nbench\\n' | smbpasswd -c /etc/samba/bench.conf -a -s alice").checked()
        let process = try server.start(
            ["smbd", "--foreground", "--no-process-group", "-s", "/etc/samba/bench.conf"], log: "smbd")
        try await eventually("smbd serves", within: .seconds(20)) {
            try await client.shell("\(Self.client(of: server)) -c ls").status == 0
        }
        return SambaService(server: process)
    }
}
