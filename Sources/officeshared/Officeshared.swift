import ArgumentParser
import Logging
import OfficeConfiguration
import OfficeCore
import OfficeServer
import OfficeSystem

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// The daemon's command line: reads and checks the configuration, then runs until it is told to stop.
@main
struct Officeshared: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "officeshared",
        abstract: "Makes this machine part of an office: shared folders and printers, without a server.",
        discussion: """
            Runs in the foreground, as a service of systemd or by hand. Without a configuration the defaults serve.
            What a flag says comes before OFFICESHARE_* in the environment, that before the file, that before the \
            defaults. officeshared(8) and officeshare.yaml(5) tell the rest.
            """,
        version: "officeshared \(Product.version)")

    @OptionGroup var options: ConfigurationOptions

    @Flag(name: .long, help: "Say whether the configuration is good, and end: 0 if it is, 78 if not.")
    var checkConfig = false

    func run() async throws {
        ThisProcess.prepare()
        let environment = ThisProcess.environment
        let reader = SettingsReader(file: options.config, flags: options.flags, environment: environment)
        let reading = await reader.read()
        guard reading.problems.isEmpty else { throw ThisProcess.refuse(reading.problems) }
        if checkConfig {
            print("\(reading.file ?? "\(SettingsReader.defaultFile) (absent, the defaults serve)"): OK")
            return
        }
        do throws(OfficeError) {
            try Descriptors.check(reading.settings, available: Descriptors.raiseLimit())
        } catch { throw ThisProcess.refuse([error]) }
        try await serve(reading.settings, reader: reader, environment: environment)
    }

    private func serve(_ settings: Settings, reader: SettingsReader, environment: [String: String]) async throws {
        let threshold = LogThreshold(settings.logLevel)
        let style = StandardErrorLog.style(environment: environment)
        LoggingSystem.bootstrap { _ in StandardErrorLog(style: style, threshold: threshold) }
        let logger = Logger(label: "officeshared")
        let supervisor = Supervisor(manager: ServiceManager(environment: environment, logger: logger), logger: logger)
        do {
            var composition = try await Daemon(
                settings: settings, version: Product.version, logger: logger
            ).composition
            let reload = composition.reload
            composition.reload = { settings in
                try Descriptors.check(settings, available: Descriptors.raiseLimit())
                threshold.current = settings.logLevel
                try await reload(settings)
            }
            try await supervisor.run(composition, settings: settings) { await reader.read() }
        } catch let error as OfficeError {
            logger.critical("the daemon ends", metadata: [LogKey.error: "\(error)"])
            throw ExitCode(error.code.exitStatus)
        } catch {
            // An error of a library that no room has put into words: a fault of ours, but still one line.
            logger.critical("the daemon ends by an error it doesn't know", metadata: [LogKey.error: "\(error)"])
            throw ExitCode(OfficeError.Code.fault.exitStatus)
        }
    }
}

/// What the daemon asks of the process it is.
private enum ThisProcess {
    /// The environment, where it is UTF-8; what isn't is none of ours.
    static var environment: [String: String] {
        var variables: [String: String] = [:]
        var entry = environ
        while let bytes = entry.pointee {
            entry += 1
            guard let text = String(validatingCString: bytes) else { continue }
            let halves = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if halves.count == 2 { variables[String(halves[0])] = String(halves[1]) }
        }
        return variables
    }

    /// First of all, before a thread of ours could read the environment.
    static func prepare() {
        // A peer that hangs up is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        // avahi's dns_sd API is what we mean to use: it needs no warning at every start.
        setenv("AVAHI_COMPAT_NOWARN", "1", 1)
    }

    /// Tells every problem on a line of its own.
    static func refuse(_ problems: [OfficeError]) -> ExitCode {
        let lines = problems.map { "officeshared: \($0)\n" }.joined()
        StandardErrorLog.writeToStandardError(Array(lines.utf8))
        return ExitCode(OfficeError.Code.configuration.exitStatus)
    }
}
