import CLinux
import OfficeControl
import OfficeCore

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
            findings.append(await blocking { Self.avahi() })
            findings.append(await multicast())
            findings += await shares()
        } catch {
            let error = error as? OfficeError
            findings.append(.bad("daemon", error?.why ?? "it doesn't answer", mend: error?.mend))
            findings.append(await blocking { Self.avahi() })
        }
        return findings + (await blocking { [Self.clock(), Self.disk("disk", path: Array("/var/lib".utf8))] })
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

    /// Whether avahi-daemon takes connections: its socket outlives it when it is killed.
    private static func avahi() -> Finding {
        let path = "/run/avahi-daemon/socket"
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        guard descriptor >= 0 else { return .unknown("avahi", "no socket can be made") }
        defer { close(descriptor) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let answer = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        if answer == 0 { return .good("avahi", "avahi-daemon answers") }
        return .bad(
            "avahi", "avahi-daemon doesn't answer on \(path): \(String(cString: strerror(errno)))",
            mend: "Start it with 'systemctl start avahi-daemon'.")
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

    /// Whether the shared folders are there.
    private func shares() async -> [Finding] {
        guard let shares: [ShareModel] = try? await session.client.get("/v1/shares") else {
            return [.unknown("shares", "the daemon doesn't say what it shares")]
        }
        return await blocking { shares.map(ShareOutput.init).flatMap(Self.share) }
    }

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
