import OfficeCore
import OfficeFolders

/// Brings files and folders of this machine into shares: `put`.
///
/// A file counts when the receiver has verified it, put it on its disk and given it its name. Run again after any
/// interruption it goes on with what the receiver lacks.
package struct Uploader: Sendable {
    private let transport: any ShareTransport
    private let pool: WorkPool
    private let options: TransferOptions

    package init(
        transport: some ShareTransport, pool: WorkPool = WorkPool(), options: TransferOptions = TransferOptions()
    ) {
        self.transport = transport
        self.pool = pool
        self.options = options
    }

    /// Copies each source as `cp -r` would: into `destination` where that is a folder that exists, else as it.
    /// Never throws: what failed is in the summary.
    ///
    /// - Parameter sources: Paths of this machine, absolute or relative to the working directory.
    package func put(_ sources: [[UInt8]], to destination: RemotePlace) async -> TransferSummary {
        let session = TransferSession(transport: transport, pool: pool, options: options)
        var outcomes: [Outcome] = []
        for source in sources {
            outcomes.append(
                await Outcome.of(escapedForTerminal(source), in: session) {
                    let upload = TreeUpload(
                        session: session, source: source, destination: destination,
                        isOneOfSeveral: sources.count > 1)
                    try await upload.run()
                })
        }
        return session.ledger.finish(failure: Outcome.combined(outcomes))
    }
}
