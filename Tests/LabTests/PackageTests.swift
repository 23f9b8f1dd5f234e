import Foundation
import OfficeCore
import OfficeLab
import Testing

/// The Debian package on booted Debian machines, used as its user would.
@Suite(.serialized, .lab, .timeLimit(.minutes(15)))
struct PackageTests {
    /// Two machines with the package installed by apt, named pc1 and pc2, each with an ordinary user alice.
    private func withInstalled(_ body: (Machine, Machine) async throws -> Void) async throws {
        let deb = try #require(
            ProcessInfo.processInfo.environment["LAB_DEB"], "LAB_DEB names no package: use 'make test'")
        let image = try await MachineImage.prepare(packages: MachineImage.dependencies(ofPackage: deb) + ["make"])
        try await withLab(LabSelfTests.bare("pc1"), LabSelfTests.bare("pc2")) { lab in
            var machines: [Machine] = []
            for host in lab.hosts {
                let machine = try await Machine.boot(image, in: host)
                try machine.copy(deb, to: "/root/officeshare.deb")
                try await machine.shell("useradd --create-home --shell /bin/bash alice").checked()
                machines.append(machine)
            }
            do {
                try await body(machines[0], machines[1])
            } catch {
                for machine in machines {
                    let journal = try await machine.shell("journalctl --no-pager -u officeshared | tail -n 200")
                    FileHandle.standardError.write(
                        Data("=== journal of \(machine.host.name)\n\(journal.stdout)\n".utf8))
                }
                throw error
            }
        }
    }

    private func install(on machine: Machine) async throws {
        try await machine.run(["apt-get", "install", "-y", "--no-install-recommends", "/root/officeshare.deb"])
            .checked()
    }

    /// `make install` itself, where the package is built already: a machine has neither compiler nor network.
    @Test func makeInstallInstallsAndStartsAndCanBeRunAgain() async throws {
        let tree = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        try await withInstalled { machine, _ in
            try await machine.shell("mkdir -p /root/tree/dist /root/tree/Sources/OfficeCore").checked()
            for file in ["Makefile", "packaging", "Sources/OfficeCore/Product.swift"] {
                try machine.copy(tree.appendingPathComponent(file).path, to: "/root/tree/\(file)")
            }
            let deb = try #require(ProcessInfo.processInfo.environment["LAB_DEB"])
            try machine.copy(deb, to: "/root/tree/dist/\(URL(fileURLWithPath: deb).lastPathComponent)")
            for _ in 0..<2 {
                let installed = try await machine.shell("cd /root/tree && make --old-file=deb install").checked()
                #expect(installed.stdout.contains("Installed and running."), "\(installed)")
                _ = try await activeProcess(of: machine)
                #expect(try await machine.officeshare(["status"]).status == 0)
            }
        }
    }

    /// The service's process, once systemd says that it is active.
    private func activeProcess(of machine: Machine) async throws -> String {
        var process = "0"
        try await eventually("the service on \(machine.host.name) is active", within: .seconds(20)) {
            let state = try await machine.run(
                ["systemctl", "show", "officeshared", "-p", "ActiveState,MainPID", "--value"]
            ).lines
            process = state.first { Int($0) != nil } ?? "0"
            return state.contains("active") && process != "0"
        }
        return process
    }

    private struct Office: Decodable, Equatable { var id: String?, name: String? }
    private struct Status: Decodable { var office: Office? }
    private struct Invitation: Decodable { var code: String }

    private func office(of machine: Machine) async throws -> Office? {
        try await machine.officeshare(["status", "--json"]).json(Status.self).office
    }

    @Test func theServiceRunsAndComesBack() async throws {
        try await withInstalled { pc1, _ in
            try await install(on: pc1)
            let first = try await activeProcess(of: pc1)
            #expect(try await pc1.run(["systemctl", "is-enabled", "officeshared"]).stdout == "enabled\n")
            #expect(try await pc1.run(["ps", "-o", "user=", "-p", first]).stdout.hasPrefix("officesh"))
            try await pc1.officeshare(["office", "create", "Acme"]).checked()
            let office = try await office(of: pc1)
            #expect(office?.name == "Acme")

            try await pc1.run(["systemctl", "reload", "officeshared"]).checked()
            #expect(try await activeProcess(of: pc1) == first)
            try await pc1.run(["systemctl", "restart", "officeshared"]).checked()
            let second = try await activeProcess(of: pc1)
            #expect(second != first)

            try await pc1.run(["kill", "-9", second]).checked()
            try await eventually("systemd starts it again", within: .seconds(30)) {
                try await activeProcess(of: pc1) != second
            }
            try await eventually("it answers") { try await self.office(of: pc1) == office }

            try await pc1.reboot()
            _ = try await activeProcess(of: pc1)
            #expect(try await self.office(of: pc1) == office)

            // The same package again, as an upgrade is: the office stays.
            try await pc1.run(["apt-get", "install", "-y", "--reinstall", "/root/officeshare.deb"]).checked()
            _ = try await activeProcess(of: pc1)
            #expect(try await self.office(of: pc1) == office)
        }
    }

    @Test func twoMachinesShareAFolderOfAnOrdinaryUsersHome() async throws {
        try await withInstalled { pc1, pc2 in
            for machine in [pc1, pc2] {
                try await install(on: machine)
                _ = try await activeProcess(of: machine)
            }
            try await pc1.officeshare(["office", "create", "Acme"]).checked()
            let code = try await pc1.officeshare(["office", "invite", "--json"]).json(Invitation.self).code
            try await pc2.officeshare(["office", "join", "-"], input: Data("\(code)\n".utf8)).checked()

            let make = "mkdir -p -m 700 papers/empty; echo hers >papers/letter; chmod 600 papers/letter; umask"
            try await pc1.shell(make, as: "alice").checked()
            try await pc1.run(["chmod", "700", "/home/alice"]).checked()
            try await pc1.officeshare(["share", "add", "papers", "--rw"], as: "alice").checked()
            try await eventually("pc2 fetches the folder") {
                try await pc2.officeshare(["get", "-r", "pc1/papers/", "copy", "--force"], as: "alice").status == 0
            }
            #expect(try await pc2.run(["cat", "copy/letter"], as: "alice").stdout == "hers\n")
            #expect(try await pc2.run(["test", "-d", "copy/empty"], as: "alice").status == 0)

            try await pc2.shell("echo back >note", as: "alice").checked()
            try await pc2.officeshare(["put", "note", "pc1/papers/"], as: "alice").checked()
            try await pc1.shell("echo edited >>papers/note", as: "alice").checked()
            #expect(try await pc1.run(["cat", "papers/note"], as: "alice").stdout == "back\nedited\n")
        }
    }

    @Test func purgeRemovesWhatInstallMadeAndNoSharedFolder() async throws {
        try await withInstalled { pc1, _ in
            // What belongs to the machine, and changes with any package: users, dpkg's and apt's own books.
            let list = """
                find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /home \
                    -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/cache -o -path /var/log \
                    -o -path '/etc/*passwd*' -o -path '/etc/*group*' -o -path '/etc/*shadow*' \
                    -o -path '/etc/sub?id*' -o -path /etc/.pwd.lock -o -path /var/lib/systemd -o -path /root \
                    -o -path /var/lib/sgml-base -o -path /var/tmp \
                    \\) -prune -o -print | sort
                """
            let before = Set(try await pc1.shell(list).checked().lines)
            try await install(on: pc1)
            _ = try await activeProcess(of: pc1)
            #expect(try await pc1.shell(list).checked().lines.contains("/usr/sbin/officeshared"))
            try await pc1.officeshare(["office", "create", "Acme"]).checked()
            try await pc1.shell("mkdir papers; echo hers >papers/letter", as: "alice").checked()
            try await pc1.officeshare(["share", "add", "papers"], as: "alice").checked()
            let user = try await pc1.run(["id", "-u", "officeshare"]).checked().stdout

            try await pc1.run(["apt-get", "remove", "-y", "officeshare"]).checked()
            #expect(try await pc1.run(["systemctl", "is-active", "officeshared"]).status != 0)
            #expect(try await pc1.run(["test", "-f", "/etc/officeshare/officeshare.yaml"]).status == 0)
            #expect(try await pc1.run(["test", "-d", "/var/lib/officeshare"]).status == 0)

            try await pc1.run(["apt-get", "purge", "-y", "officeshare"]).checked()
            let after = Set(try await pc1.shell(list).checked().lines)
            #expect(after.subtracting(before).sorted() == [])
            #expect(before.subtracting(after).sorted() == [])
            #expect(try await pc1.run(["test", "-e", "/run/officeshare"]).status != 0)
            #expect(try await pc1.run(["cat", "papers/letter"], as: "alice").stdout == "hers\n")
            #expect(try await pc1.run(["id", "-u", "officeshare"]).stdout == user)
        }
    }
}
