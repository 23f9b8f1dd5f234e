#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// A moment as people and JSON see it: RFC 3339 in UTC, `2026-11-21T05:22:06Z`, with a fraction where there is one.
///
/// Times inform; nothing is decided by them (a wrong clock must not lock anybody out).
package struct Timestamp: Hashable, Sendable, Comparable {
    package var time: FileTime

    package init(_ time: FileTime) { self.time = time }

    package init(seconds: Int64) { time = FileTime(seconds: seconds, nanoseconds: 0) }

    package static func < (a: Timestamp, b: Timestamp) -> Bool { a.time < b.time }

    /// Days since 1970-01-01 and the civil date, both ways: Howard Hinnant's algorithms
    /// (https://howardhinnant.github.io/date_algorithms.html), exact for all of the proleptic Gregorian calendar.
    private static func civil(days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

extension Timestamp {
    /// This machine's clock: for people, never for decisions.
    package static var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec))
    }

    /// The same to the microsecond: what comes one after the other in one second is told apart.
    package static var precise: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(
            FileTime(seconds: Int64(time.tv_sec), nanoseconds: Int32(time.tv_nsec / 1_000 * 1_000)))
    }

    package func adding(seconds: Int64) -> Timestamp {
        Timestamp(FileTime(seconds: time.seconds + seconds, nanoseconds: time.nanoseconds))
    }
}

extension Timestamp: CustomStringConvertible {
    package var description: String {
        func padded(_ value: Int64, _ width: Int) -> String {
            let digits = String(value.magnitude)
            return (value < 0 ? "-" : "") + String(repeating: "0", count: max(0, width - digits.count)) + digits
        }
        var days = time.seconds / 86_400
        var second = time.seconds % 86_400
        if second < 0 {
            second += 86_400
            days -= 1
        }
        let date = Self.civil(days: days)
        var text = "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))"
        text += "T\(padded(second / 3600, 2)):\(padded(second / 60 % 60, 2)):\(padded(second % 60, 2))"
        if time.nanoseconds != 0 {
            var fraction = padded(Int64(time.nanoseconds), 9)[...]
            while fraction.last == "0" { fraction = fraction.dropLast() }
            text += "." + fraction
        }
        return text + "Z"
    }
}

extension Timestamp: Codable {
    /// Reads what `description` writes: UTC only.
    package init(parsing text: String) throws(OfficeError) {
        let bad = OfficeError(.malformed, String(text.prefix(40)), "a time is written as 2026-11-21T05:22:06Z")
        guard text.utf8.count <= 40, text.hasSuffix("Z") else { throw bad }
        let halves = text.dropLast().split(separator: "T", omittingEmptySubsequences: false)
        guard halves.count == 2 else { throw bad }
        let date = halves[0].split(separator: "-").compactMap { Int64($0) }
        let clock = halves[1].split(separator: ":", omittingEmptySubsequences: false)
        guard date.count == 3, clock.count == 3, (1...12).contains(date[1]), (1...31).contains(date[2]) else {
            throw bad
        }
        let seconds = clock[2].split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        guard let hour = Int64(clock[0]), let minute = Int64(clock[1]), let second = Int64(seconds[0]),
            (0...23).contains(hour), (0...59).contains(minute), (0...60).contains(second)
        else { throw bad }
        var nanoseconds: Int32 = 0
        if seconds.count == 2 {
            let digits = seconds[1]
            guard (1...9).contains(digits.count), digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }),
                let value = Int32(digits + String(repeating: "0", count: 9 - digits.count))
            else { throw bad }
            nanoseconds = value
        }
        let days = Self.days(year: date[0], month: date[1], day: date[2])
        time = FileTime(seconds: days * 86_400 + hour * 3600 + minute * 60 + second, nanoseconds: nanoseconds)
    }

    package init(from decoder: any Decoder) throws {
        try self.init(parsing: try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
