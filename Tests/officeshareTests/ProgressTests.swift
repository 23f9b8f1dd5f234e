import Testing

@testable import OfficeCommands

@Suite("Progress")
struct ProgressTests {
    static let half = ProgressSnapshot(name: "pc1/docs/big.iso", bytes: 512 << 20, totalBytes: 1 << 30)

    @Test("The line has name, share, bar, amount, rate and time left, and fits", arguments: 1...140)
    func fits(width: Int) {
        let line = ProgressLine.render(Self.half, rate: 67_108_864, width: width)
        #expect(displayWidth(line) <= max(1, width - 1))
        if width >= 100 {
            #expect(line.hasPrefix("pc1/docs/big.iso "))
            #expect(line.contains(" 50% [###"))
            #expect(line.hasSuffix("512.0 MiB  64.0 MiB/s  8 s left"))
        }
    }

    @Test("100 % is shown when all is there, and not before")
    func whole() {
        var progress = ProgressSnapshot(name: "a", bytes: 999_999, totalBytes: 1_000_000)
        #expect(ProgressLine.render(progress, rate: nil, width: 80).contains(" 99% ["))
        progress.bytes = 1_000_000
        #expect(ProgressLine.render(progress, rate: nil, width: 80).contains("100% [##"))
        progress = ProgressSnapshot(name: "empty", bytes: 0, totalBytes: 0)
        #expect(ProgressLine.render(progress, rate: nil, width: 80).contains("100% "))
    }

    @Test("What can't be known isn't shown")
    func unknown() {
        let line = ProgressLine.render(ProgressSnapshot(name: "a", bytes: 5), rate: nil, width: 80)
        #expect(!line.contains("%") && !line.contains("left") && !line.contains("["))
        #expect(!ProgressLine.render(Self.half, rate: 0, width: 100).contains("left"))
    }

    @Test("The rate is that of the last five seconds")
    func rate() throws {
        var meter = RateMeter()
        #expect(meter.rate(of: 0, at: .zero) == nil)
        for second in 1...10 { _ = meter.rate(of: Int64(second) * 1000, at: .seconds(second)) }
        // From here it is ten times as fast.
        for second in 11...16 { _ = meter.rate(of: 10_000 + Int64(second - 10) * 10_000, at: .seconds(second)) }
        let last = meter.rate(of: 80_000, at: .seconds(17))
        let rate = try #require(last)
        #expect(abs(rate - 10_000) < 1)
    }
}
