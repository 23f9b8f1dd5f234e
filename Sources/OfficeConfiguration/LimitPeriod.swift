package import OfficeCore

/// A time of the day in which another limit holds: `08:00-18:00 5000000`, in bytes a second; 0: none.
package struct LimitPeriod: Sendable, Hashable {
    /// Minutes since midnight; from the first on, before the second. Where they are equal it is the whole day.
    package let begin: Int
    package let end: Int
    package let bytesPerSecond: Int

    package init(parsing text: String) throws(OfficeError) {
        let parts = text.split(separator: " ")
        let times = parts.first?.split(separator: "-", omittingEmptySubsequences: false).map(Self.minutes) ?? []
        guard parts.count == 2, times.count == 2, let begin = times[0], let end = times[1],
            parts[1].utf8.allSatisfy({ (0x30...0x39).contains($0) }), let rate = Int(parts[1]),
            rate <= Settings.Transfers.mostBytesPerSecond
        else {
            throw OfficeError(
                .malformed, text.escapedForTerminal, "\(quoted(text)) is not a time of the day with a limit",
                mend: "Write HH:MM-HH:MM BYTES.")
        }
        (self.begin, self.end, bytesPerSecond) = (begin, end, rate)
    }

    /// Whether it is that time, also where midnight lies in it.
    package func contains(minute: Int) -> Bool {
        begin < end ? (begin..<end).contains(minute) : minute >= begin || minute < end
    }

    private static func minutes(_ text: Substring) -> Int? {
        func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy(isDigit) }),
            let hour = Int(parts[0]), let minute = Int(parts[1]), hour < 24, minute < 60
        else { return nil }
        return hour * 60 + minute
    }
}

extension Settings.Transfers {
    /// The limit of all transfers at a minute of the day; 0: none.
    package func limit(atMinute minute: Int) -> Int {
        for text in schedule {
            if let period = try? LimitPeriod(parsing: text), period.contains(minute: minute) {
                return period.bytesPerSecond
            }
        }
        return limit
    }
}
