import ArgumentParser
import OfficeTransfer

/// What `get`, `put` and `sync` take.
struct TransferOptionGroup: ParsableArguments {
    @Option(
        help: ArgumentHelp("At most so many bytes a second: 500K, 10M, 1.5G.", valueName: "rate"))
    var limit: Rate?

    /// For a transfer whose progress is shown in `session`.
    func options(in session: Session, recursive: Bool, force: Bool) -> TransferOptions {
        let reporter = ProgressReporter(session: session)
        var options = TransferOptions()
        options.recursive = recursive
        options.force = force
        options.bytesPerSecond = limit?.bytesPerSecond
        options.progress = { reporter.update($0) }
        return options
    }
}
