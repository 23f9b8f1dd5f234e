import OfficeLab
import Testing

/// A machine of the lab is a Debian machine: systemd, packages, reboot.
@Suite(.serialized, .lab, .timeLimit(.minutes(10)))
struct MachineTests {
    @Test func aMachineBootsInstallsAPackageAndReboots() async throws {
        let image = try await MachineImage.prepare()
        try await withLab(HostPlan("pc1", avahi: false, daemon: false), LabSelfTests.bare("pc2")) { lab in
            let machine = try await Machine.boot(image, in: lab["pc1"])
            #expect(try await machine.run(["systemctl", "is-system-running"]).stdout == "running\n")
            #expect(try await machine.run(["hostname"]).stdout == "pc1\n")
            try await lab["pc2"].run(["ping", "-c1", "-W1", lab["pc1"].address]).checked()

            let build = """
                mkdir -p /tmp/trivial/DEBIAN
                printf 'Package: trivial\\nVersion: 1\\nArchitecture: all\\nMaintainer: Lab <lab@localhost>\\n' \
                    >/tmp/trivial/DEBIAN/control
                echo 'Description: nothing' >>/tmp/trivial/DEBIAN/control
                dpkg-deb --build --root-owner-group /tmp/trivial /root/trivial.deb
                dpkg -i /root/trivial.deb
                """
            try await machine.shell(build).checked()
            let before = try await machine.run(["cat", "/proc/sys/kernel/random/boot_id"]).stdout
            #expect(!before.isEmpty)

            try await machine.reboot()
            #expect(try await machine.run(["systemctl", "is-system-running"]).stdout == "running\n")
            #expect(
                try await machine.run(["dpkg-query", "-W", "-f", "${Status}", "trivial"]).stdout
                    == "install ok installed")
            try await lab["pc2"].run(["ping", "-c1", "-W1", lab["pc1"].address]).checked()
        }
    }
}
