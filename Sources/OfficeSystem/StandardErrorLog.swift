package import Logging
import OfficeCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The least level that is logged, for all loggers of the process at once: a reload can change it.
package final class LogThreshold: Sendable {
    private let level: Mutex<Logger.Level>

    package init(_ level: Logger.Level) { self.level = Mutex(level) }

    package var current: Logger.Level {
        get { level.withLock { $0 } }
        set { level.withLock { $0 = newValue } }
    }
}

/// Writes log lines to standard error: `MESSAGE key=value …`, one line each whatever is in them, without colours.
///
/// For the journal a line begins with its priority (`<6>`, sd-daemon(3)); for anybody else with time and level.
package struct StandardErrorLog: LogHandler {
    package enum Style: Sendable {
        case journal
        case plain
    }

    package var metadata: Logger.Metadata = [:]
    package var metadataProvider: Logger.MetadataProvider?
    private let style: Style
    private let threshold: LogThreshold
    private let write: @Sendable ([UInt8]) -> Void
    private var ownLevel: Logger.Level?

    /// - Parameter write: Takes one whole line with its line break.
    package init(
        style: Style, threshold: LogThreshold, write: @escaping @Sendable ([UInt8]) -> Void = Self.writeToStandardError
    ) {
        self.style = style
        self.threshold = threshold
        self.write = write
    }

    /// The process's threshold, unless this one logger was given a level of its own.
    package var logLevel: Logger.Level {
        get { ownLevel ?? threshold.current }
        set { ownLevel = newValue }
    }

    package subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    package func log(event: LogEvent) {
        var fields = metadata.merging(metadataProvider?.get() ?? [:]) { $1 }.merging(event.metadata ?? [:]) { $1 }
        if let error = event.error { fields[LogKey.error] = "\(error)" }
        var line = prefix(event.level) + event.message.description.escapedForTerminal
        for (key, value) in fields.sorted(by: { $0.key < $1.key }) { line += " \(key)=\(Self.shown(value))" }
        write(Array(line.utf8) + [0x0A])
    }

    private func prefix(_ level: Logger.Level) -> String {
        switch style {
        case .journal: "<\(level.priority)>"
        case .plain: "\(Self.now()) \(level.rawValue) "
        }
    }

    private static func now() -> Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(seconds: Int64(time.tv_sec))
    }

    /// Bare where it is one word, else in quotes; never more than one line.
    private static func shown(_ value: Logger.MetadataValue) -> String {
        let text = value.description.escapedForTerminal
        let isWord = !text.isEmpty && !text.unicodeScalars.contains { $0 == " " || $0 == "\"" || $0 == "=" }
        return isWord
            ? text
            : "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\\"") + "\""
    }
}

extension StandardErrorLog {
    /// `journal` where standard error really is the journal's stream: the variable alone could be inherited by
    /// something whose output goes elsewhere (systemd.exec(5), JOURNAL_STREAM).
    package static func style(environment: [String: String]) -> Style {
        var status = stat()
        guard let stream = environment["JOURNAL_STREAM"], fstat(STDERR_FILENO, &status) == 0 else { return .plain }
        return stream == "\(status.st_dev):\(status.st_ino)" ? .journal : .plain
    }

    private static let turn = Mutex(())

    /// Lines of several threads one after the other. What can't be written is lost: there is nobody to tell.
    package static func writeToStandardError(_ line: [UInt8]) {
        turn.withLock { _ in
            var rest = line[...]
            while !rest.isEmpty {
                let count = rest.withUnsafeBytes { Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { return }
                rest = rest.dropFirst(count)
            }
        }
    }
}

extension Logger.Level {
    /// The priority of syslog(3).
    fileprivate var priority: Int {
        switch self {
        case .trace, .debug: 7
        case .info: 6
        case .notice: 5
        case .warning: 4
        case .error: 3
        case .critical: 2
        }
    }
}
