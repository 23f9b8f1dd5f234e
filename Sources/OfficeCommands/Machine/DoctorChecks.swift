import CLinux
import OfficeControl
import OfficeCore
import OfficeFolders
import OfficeTransfer

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// The checks of `doctor`. Each says only what it has seen: where a good and a bad machine look alike from here,
/// the finding is "unknown".
struct DoctorChecks {
    let session: Session

    func all() async -> [Finding] {
        var findings: [Finding] = []
        do {
            let service: ServiceModel = try await session.client.get("/v1/service")
            findings.append(
                .good(
                    "daemon", "officeshared \(service.version) answers as \(service.nodeName), user \(service.userID)"))
            findings += await problems()
            findings += await blocking { Self.neighbours() }
            findings.append(await multicast())
            findings += await shares()
            findings += await printers()
        } catch {
            let error = error as? OfficeError
            findings.append(.bad("daemon", error?.why ?? "it doesn't answer", mend: error?.mend))
            findings += await blocking { Self.neighbours() }
        }
        return findings + (await blocking { FirewallCheck.run() })
            + (await blocking { [Self.clock(), Self.disk("disk", path: Array("/var/lib".utf8))] })
    }

    /// What the daemon itself reports.
    private func problems() async -> [Finding] {
        do {
            let status: StatusModel = try await session.client.get("/v1/status")
            if status.problems.isEmpty { return [.good("status", "the daemon reports no problem")] }
            return status.problems.map { .bad("status", "\($0.what): \($0.why)", mend: $0.mend) }
        } catch {
            return [.bad("status", "the daemon doesn't say: \((error as? OfficeError)?.why ?? "\(error)")", mend: nil)]
        }
    }

    /// The services of this machine that officeshared works with.
    private static func neighbours() -> [Finding] {
        [
            answers("avahi", service: "avahi-daemon", on: "/run/avahi-daemon/socket"),
            answers("cups", service: "cups", on: "/run/cups/cups.sock"),
        ]
    }

    /// Whether the CUPS of a machine that offers printers keeps its jobs when it is killed.
    private func printers() async -> [Finding] {
        guard let printers: [PrinterModel] = try? await session.client.get("/v1/printers"),
            printers.contains(where: { $0.local && $0.shared })
        else { return [] }
        return [Self.tuning(await blocking { SchedulerTuning.current() })]
    }

    /// Untuned CUPS prints all the same: nothing that is bad.
    static func tuning(_ configuration: String?) -> Finding {
        guard let configuration else {
            return .unknown("printing", "cupsd.conf can't be read", mend: "Run it as root.")
        }
        if SchedulerTuning.isTuned(configuration) {
            return .good("printing", "cupsd writes jobs down at once and cancels none that waits long")
        }
        return .unknown(
            "printing",
            "a cupsd that is killed forgets the jobs of the last half minute, and one that waits for 3 hours",
            mend: "Recommended: 'officeshare printer share QUEUE --tune'.")
    }

    /// Whether a service takes connections: its socket outlives it when it is killed.
    private static func answers(_ check: String, service: String, on path: String) -> Finding {
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return .unknown(check, "no socket can be made") }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let answer = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if answer == 0 { return .good(check, "\(service) answers") }
        return .bad(
            check, "\(service) doesn't answer on \(path): \(String(cString: strerror(errno)))",
            mend: "Start it with 'systemctl start \(service)'.")
    }

    /// Whether announcements of other machines arrive: only another machine can prove it.
    private func multicast() async -> Finding {
        do {
            let peers: [PeerModel] = try await session.client.get("/v1/peers")
            return Self.multicast(peers)
        } catch {
            return .unknown("multicast", "the daemon doesn't say which nodes it sees")
        }
    }

    static func multicast(_ peers: [PeerModel]) -> Finding {
        let heard = peers.filter { $0.via == "mdns" }
        if !heard.isEmpty {
            return .good("multicast", "\(HumanText.count(heard.count, "node")) heard by multicast DNS")
        }
        let others = peers.filter(\.online).compactMap(\.name)
        guard !others.isEmpty else {
            return .unknown("multicast", "no other node has been heard, which is right where there is none")
        }
        return .bad(
            "multicast", "\(others.joined(separator: ", ")) can be reached but was never heard by multicast DNS",
            mend: "Let UDP port 5353 through the firewall, or live with it: addresses are known by other ways.")
    }

    /// Whether the shared folders are there, and the service can read all of them.
    private func shares() async -> [Finding] {
        guard let shares: [ShareModel] = try? await session.client.get("/v1/shares") else {
            return [.unknown("shares", "the daemon doesn't say what it shares")]
        }
        var findings = await blocking { shares.map(ShareOutput.init).flatMap(Self.share) }
        guard let service: ServiceModel = try? await session.client.get("/v1/service"),
            let node = try? Label(service.nodeName)
        else { return findings }
        for share in shares { findings.append(await access(to: share.name, on: node)) }
        return findings
    }

    /// Whether the service, who isn't the folder's owner, can look into every folder of a share: it is asked for all
    /// there is. Where this caller may not use the share, that can't be told.
    private func access(to name: String, on node: Label) async -> Finding {
        let check = "access to \(name)"
        let request = ListRequest(path: .root, recursive: true, withSelf: true, limit: Self.mostEntries)
        do {
            let seen = try await session.client.list(request, node: node, share: try Label(name)) { stream in
                var seen = (entries: 0, failures: 0, first: OfficeError?.none)
                for try await batch in stream {
                    seen.entries += batch.entries.count
                    seen.failures += batch.failures.count
                    seen.first = seen.first ?? batch.failures.first
                }
                return seen
            }
            guard let first = seen.first else {
                return .good(check, "the service reads all its folders (\(HumanText.count(seen.entries, "name")) seen)")
            }
            return .bad(
                check,
                "the service can't read \(HumanText.count(seen.failures, "folder")) in it, such as \(first.what)",
                mend: "As its owner: 'officeshare share set \(name) --grant'.")
        } catch let error as OfficeError where error.code == .notAllowed {
            return .bad(check, error.why, mend: error.mend ?? "As its owner: 'officeshare share set \(name) --grant'.")
        } catch {
            return .unknown(check, (error as? OfficeError)?.why ?? "\(error)")
        }
    }

    /// Names of a share that are looked at.
    private static let mostEntries = 200_000

    private static func share(_ share: ShareOutput) -> [Finding] {
        let check = "share \(share.name)"
        var status = stat()
        guard share.exactPath.withTerminated({ stat($0, &status) }) == 0 else {
            let reason = String(cString: strerror(errno))
            if errno == EACCES { return [.unknown(check, "you may not look at \(share.path) yourself")] }
            return [
                .bad(check, "\(share.path): \(reason)", mend: "Take it back: 'officeshare share rm \(share.name)'.")
            ]
        }
        guard status.st_mode & S_IFMT == S_IFDIR else {
            return [.bad(check, "\(share.path) is no folder any more", mend: nil)]
        }
        return [.good(check, "\(share.path) is there"), disk("disk of \(share.name)", path: share.exactPath)]
    }

    /// Whether something disciplines the clock. A wrong one stops nothing here, but file times come from it.
    private static func clock() -> Finding {
        switch os_clock_is_disciplined() {
        case 1: .good("clock", "it is kept right by a time service")
        case 0:
            .unknown(
                "clock", "no time service keeps it right",
                mend: "Times of files and of log entries come from it: 'apt install systemd-timesyncd' keeps it right.")
        default: .unknown("clock", "the kernel doesn't say")
        }
    }

    /// Whether there is room: a tenth of a gigabyte at least.
    static func disk(_ check: String, path: [UInt8]) -> Finding {
        var status = statvfs()
        guard path.withTerminated({ statvfs($0, &status) }) == 0 else {
            return .unknown(check, "\(escapedForTerminal(path)): \(String(cString: strerror(errno)))")
        }
        let free = Int64(clamping: UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize)).0)
        let text = "\(HumanText.size(free)) free for \(escapedForTerminal(path))"
        return free >= 100 << 20 ? .good(check, text) : .bad(check, "only \(text)", mend: "Make room there.")
    }
}

extension [UInt8] {
    /// As a C string: for the few questions about a path that open nothing.
    func withTerminated<R>(_ body: (UnsafePointer<CChar>) throws -> R) rethrows -> R {
        try (self.map { CChar(bitPattern: $0) } + [0]).withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress else { return try "".withCString(body) }
            return try body(base)
        }
    }
}
