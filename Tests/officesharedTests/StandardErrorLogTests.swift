import Foundation
import Logging
import OfficeCore
import Synchronization
import Testing

@testable import OfficeSystem

@Suite("The log on standard error")
struct StandardErrorLogTests {
    private final class Lines: Sendable {
        private let text = Mutex("")
        var all: String { text.withLock { $0 } }
        func append(_ bytes: [UInt8]) { text.withLock { $0 += String(decoding: bytes, as: UTF8.self) } }
    }

    private func logger(_ style: StandardErrorLog.Style, _ threshold: LogThreshold, _ lines: Lines) -> Logger {
        Logger(label: "t") { _ in StandardErrorLog(style: style, threshold: threshold) { lines.append($0) } }
    }

    @Test("is one line each, with the journal's priority, sorted keys, and no escape sequence")
    func journal() {
        let lines = Lines()
        let logger = logger(.journal, LogThreshold(.trace), lines)
        logger.info("ready")
        logger.error("failed", metadata: ["b": "two words", "a": "x\u{1b}[2J\ny", "c": "", "d": "say \"hi\""])
        logger.critical("gone", metadata: [LogKey.error: "\(OfficeError(.io, "disk", "it is full"))"])
        #expect(
            lines.all == """
                <6>ready
                <3>failed a=x\\x1b[2J\\ny b="two words" c="" d="say \\"hi\\""
                <2>gone error="disk: it is full."

                """)
        let levels = Lines()
        for level in Logger.Level.allCases {
            self.logger(.journal, LogThreshold(.trace), levels).log(level: level, "m")
        }
        #expect(levels.all == "<7>m\n<7>m\n<6>m\n<5>m\n<4>m\n<3>m\n<2>m\n")
    }

    @Test("has time and level for people")
    func plain() throws {
        let lines = Lines()
        logger(.plain, LogThreshold(.info), lines).notice("hello", metadata: ["port": "8747"])
        #expect(try #/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ notice hello port=8747\n/#.wholeMatch(in: lines.all) != nil)
    }

    @Test("a reload changes the level of every logger, but of those that have their own")
    func threshold() {
        let lines = Lines()
        let threshold = LogThreshold(.info)
        let ordinary = logger(.journal, threshold, lines)
        var special = ordinary
        special.logLevel = .error
        ordinary.debug("1")
        threshold.current = .debug
        ordinary.debug("2")
        special.warning("3")
        #expect(lines.all == "<7>2\n")
    }

    @Test("the journal's form only where standard error is the journal")
    func style() {
        var status = stat()
        fstat(STDERR_FILENO, &status)
        let stream = "\(status.st_dev):\(status.st_ino)"
        #expect(StandardErrorLog.style(environment: ["JOURNAL_STREAM": stream]) == .journal)
        #expect(StandardErrorLog.style(environment: ["JOURNAL_STREAM": stream + "1"]) == .plain)
        #expect(StandardErrorLog.style(environment: [:]) == .plain)
    }
}
