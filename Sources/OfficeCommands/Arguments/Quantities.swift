import ArgumentParser

/// A length of time as typed: `90s`, `15m`, `2h`, `1d`, or seconds alone.
struct Seconds: ExpressibleByArgument, Sendable, Equatable {
    let value: Int

    init(_ value: Int) { self.value = value }

    init?(argument: String) {
        let units: [Character: Int] = ["s": 1, "m": 60, "h": 3600, "d": 86_400]
        var digits = argument[...]
        var unit = 1
        if let last = digits.last, let known = units[last] {
            unit = known
            digits = digits.dropLast()
        }
        guard digits.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let number = Int(digits) else { return nil }
        let (product, overflow) = number.multipliedReportingOverflow(by: unit)
        guard !overflow, product > 0 else { return nil }
        value = product
    }

    var defaultValueDescription: String { value % 60 == 0 ? "\(value / 60)m" : "\(value)s" }
}

/// Bytes a second as typed: `500K`, `1.5M`, `2G` (powers of 1024, as rsync has them), or bytes alone.
struct Rate: ExpressibleByArgument, Sendable, Equatable {
    let bytesPerSecond: Int64

    init?(argument: String) {
        var text = argument.uppercased()[...]
        for suffix in ["/S", "IB", "B"] where text.hasSuffix(suffix) { text = text.dropLast(suffix.count) }
        var factor = 1.0
        if let last = text.last, let power = ["K", "M", "G", "T"].firstIndex(of: last) {
            for _ in 0...power { factor *= 1024 }
            text = text.dropLast()
        }
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) || $0 == 0x2E }), let number = Double(text) else {
            return nil
        }
        let rate = number * factor
        guard rate >= 1, rate < 1e15 else { return nil }
        bytesPerSecond = Int64(rate)
    }
}
