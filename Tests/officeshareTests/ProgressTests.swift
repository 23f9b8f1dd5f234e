import OfficeTransfer
import Testing

@testable import OfficeCommands

@Suite("Progress")
struct ProgressTests {
    static func progress(_ bytes: Int64, of total: Int64, path: String = "pc1/docs/big.iso") -> TransferProgress {
        var progress = TransferProgress()
        progress.path = path
        progress.bytes = bytes
        progress.totalBytes = total
        progress.totalFiles = 1
        return progress
    }

    @Test("The line has name, share, bar, amount, rate and time left, and fits", arguments: 1...140)
    func fits(width: Int) {
        var half = Self.progress(512 << 20, of: 1 << 30)
        half.rate = 67_108_864
        half.secondsLeft = 7.2
        let line = ProgressLine.render(half, width: width)
        #expect(displayWidth(line) <= max(1, width - 1))
        if width >= 100 {
            #expect(line.hasPrefix("pc1/docs/big.iso "))
            #expect(line.contains(" 50% [###"))
            #expect(line.hasSuffix("512.0 MiB  64.0 MiB/s  8 s left"))
        }
    }

    @Test("100 % is shown when all is there, and not before")
    func whole() {
        #expect(ProgressLine.render(Self.progress(999_999, of: 1_000_000), width: 80).contains(" 99% ["))
        #expect(ProgressLine.render(Self.progress(1_000_000, of: 1_000_000), width: 80).contains("100% [##"))
    }

    @Test("Many files are counted; of empty ones that is all there is to show")
    func files() {
        var progress = Self.progress(0, of: 0)
        progress.totalFiles = 4
        progress.files = 1
        let line = ProgressLine.render(progress, width: 80)
        #expect(line.contains(" 25% [") && line.contains("1/4 files"))
    }

    @Test("What isn't known isn't shown, and a hostile name draws nothing of its own")
    func unknown() {
        var progress = TransferProgress()
        progress.path = "a\u{1B}[2Jb"
        let line = ProgressLine.render(progress, width: 80)
        #expect(!line.contains("%") && !line.contains("left") && !line.contains("\u{1B}"))
        #expect(line.hasPrefix("a\\x1b[2Jb"))
    }
}
