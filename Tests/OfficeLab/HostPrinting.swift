internal import Foundation
internal import OfficeCore

/// Printers of a host: queues of its real cupsd whose printer is a folder (`BoxBackend`).
extension LabHost {
    private static let serverBin = "/srv/cups"

    /// Lets this host's cupsd have backends of the lab's own. Before cupsd is started.
    func prepareCUPS() async throws {
        guard !FileManager.default.fileExists(atPath: path("\(Self.serverBin)/backend/osbox")) else { return }
        try await shell(
            """
            mkdir -p \(Self.serverBin)/backend \(Self.serverBin)/filter
            for each in /usr/lib/cups/*; do
                case "${each##*/}" in backend|filter) ;; *) ln -s "$each" \(Self.serverBin)/ ;; esac
            done
            ln -s /usr/lib/cups/backend/* \(Self.serverBin)/backend/
            ln -sf /usr/lib/cups/filter/* \(Self.serverBin)/filter/
            if [ -x /run/officelab/bin/officeshare-begin ]; then
                ln -sf /run/officelab/bin/officeshare-begin \(Self.serverBin)/filter/
            fi
            printf '\\nServerBin \(Self.serverBin)\\nErrorLog stderr\\n' >> /etc/cups/cups-files.conf
            printf '\\nLogLevel debug\\nMaxLogSize 0\\n' >> /etc/cups/cupsd.conf
            """
        ).checked()
        for name in ["officeshare.types", "officeshare.convs"] {
            try write(try PrivateCUPS.rules(name), to: "/etc/cups/\(name)")
        }
        try write(BoxBackend.script, to: "\(Self.serverBin)/backend/osbox")
        try await run(["chmod", "755", "\(Self.serverBin)/backend/osbox"]).checked()
    }

    /// Makes a queue whose printer is the folder `/srv/box/NAME`.
    ///
    /// - Parameters:
    ///   - duplex: Whether it prints on both sides.
    ///   - isRaw: Whether documents go to it as they are, without a filter.
    package func addPrinter(
        _ name: String, duplex: Bool = true, isRaw: Bool = false, options: [String] = []
    ) async throws {
        try await shell("mkdir -p /srv/box/\(name) && chmod 777 /srv/box /srv/box/\(name)").checked()
        var words = ["lpadmin", "-p", name, "-E", "-v", "osbox:/srv/box/\(name)", "-D", "The \(name)"]
        words += ["-L", "2nd floor"]
        if !isRaw {
            words += ["-m", "drv:///sample.drv/laserjet.ppd", "-o", "Option1=\(duplex ? "True" : "False")"]
        }
        try await run(words + options).checked()
    }

    /// The printer's folder, from the outside.
    package func box(_ name: String) throws -> Box { try Box(path("/srv/box/\(name)")) }
}
