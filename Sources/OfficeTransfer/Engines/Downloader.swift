import OfficeCore
import OfficeFolders

/// Brings files and folders of shares here: `get`.
///
/// Nothing counts before it is verified, on the disk and under its name. What is there already with the same
/// content counts as done; what is different is left alone, unless forced. Run again after any interruption it
/// goes on: at most one block more than was missing moves.
package struct Downloader: Sendable {
    let transport: any ShareTransport
    let pool: WorkPool
    let options: TransferOptions

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
    /// - Parameter destination: A path of this machine, absolute or relative to the working directory.
    package func get(_ sources: [RemotePlace], to destination: [UInt8]) async -> TransferSummary {
        let session = TransferSession(transport: transport, pool: pool, options: options)
        var outcomes: [Outcome] = []
        for source in sources {
            outcomes.append(
                await Outcome.of(source.description, in: session) {
                    let chooser = DestinationChooser(
                        destination: destination, isOneOfSeveral: sources.count > 1, recursive: options.recursive)
                    try await TreeDownload(session: session, source: source, chooser: chooser).run()
                })
        }
        return session.ledger.finish(failure: Outcome.combined(outcomes))
    }
}

/// How one of a command's arguments ended.
struct Outcome {
    /// nil: all was done.
    let code: OfficeError.Code?

    /// Runs `body`; what it throws, and what it has noted as failed, decides.
    static func of(
        _ name: String, in session: TransferSession, _ body: () async throws -> Void
    ) async -> Outcome {
        let (failures, files) = (session.ledger.failures, session.ledger.files)
        do {
            try await body()
        } catch {
            let error = asOfficeError(error, name)
            // The other side names a share as it knows it, people by its node as well.
            let isSame = error.what == "transfer" || "/\(name)".hasSuffix("/\(error.what)")
            session.ledger.failed(isSame ? name : error.what, error)
            return Outcome(code: error.code)
        }
        let codes = Set(session.ledger.codes(from: failures))
        if codes.isEmpty { return Outcome(code: nil) }
        return Outcome(code: session.ledger.files == files && codes.count == 1 ? codes.first : .partial)
    }

    /// Of several: done if all are, one code if all have that, else partly.
    static func combined(_ outcomes: [Outcome]) -> OfficeError.Code? {
        guard let first = outcomes.first else { return nil }
        return outcomes.allSatisfy { $0.code == first.code } ? first.code : .partial
    }
}

/// Every error as one of the house: what is cancelled can be gone on with.
func asOfficeError(_ error: any Error, _ what: String) -> OfficeError {
    switch error {
    case let error as OfficeError: error
    case is CancellationError:
        OfficeError(.temporary, what, "it was broken off", mend: "Run the same again to go on.")
    default: OfficeError(.temporary, what, "\(error)", mend: "Run the same again to go on.")
    }
}
