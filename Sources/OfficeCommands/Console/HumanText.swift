import OfficeCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Numbers as people read them.
enum HumanText {
    /// `0 B`, `999 B`, `1.5 KiB`, `12.0 MiB`: powers of 1024.
    static func size(_ bytes: Int64) -> String {
        guard bytes >= 1024 else { return "\(bytes) B" }
        var value = UInt64(bytes)
        var unit = 0
        while value >= 1 << 20, unit < units.count - 1 {
            value >>= 10
            unit += 1
        }
        // Tenths, rounded down: no size is shown that isn't reached yet.
        let tenths = (value * 10) >> 10
        return "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }

    private static let units = ["KiB", "MiB", "GiB", "TiB", "PiB"]

    static func rate(_ bytesPerSecond: Double) -> String {
        guard bytesPerSecond.isFinite, bytesPerSecond >= 0 else { return "-" }
        return size(Int64(min(bytesPerSecond, 1e17))) + "/s"
    }

    /// `42 s`, `3 min 10 s`, `2 h 5 min`, `3 d 4 h`.
    static func duration(seconds: Int) -> String {
        switch seconds {
        case ..<60: "\(max(0, seconds)) s"
        case ..<3600: "\(seconds / 60) min" + (seconds % 60 == 0 ? "" : " \(seconds % 60) s")
        case ..<86_400: "\(seconds / 3600) h" + (seconds / 60 % 60 == 0 ? "" : " \(seconds / 60 % 60) min")
        default: "\(seconds / 86_400) d" + (seconds / 3600 % 24 == 0 ? "" : " \(seconds / 3600 % 24) h")
        }
    }

    /// `2026-11-21 06:22`, in this machine's time zone.
    static func localTime(_ time: FileTime) -> String {
        var seconds = time_t(time.seconds)
        var parts = tm()
        guard localtime_r(&seconds, &parts) != nil else { return Timestamp(time).description }
        func two(_ value: Int32) -> String { (value < 10 ? "0" : "") + String(value) }
        return "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday)) "
            + "\(two(parts.tm_hour)):\(two(parts.tm_min))"
    }

    static func localTime(_ time: Timestamp?) -> String { time.map { localTime($0.time) } ?? "-" }

    static func count(_ number: Int, _ one: String, _ many: String? = nil) -> String {
        "\(number) \(number == 1 ? one : many ?? one + "s")"
    }
}
