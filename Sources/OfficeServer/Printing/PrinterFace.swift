import Logging
import OfficeCore
import ServiceLifecycle

/// The endpoint for this machine's programs, without which everything else goes on: where its port is taken, that is
/// said and nothing more.
struct PrinterFace: Service {
    let listener: PrinterListener
    let problems: ProblemBoard
    let logger: Logger
    /// Told once it listens, or can't.
    let decided: @Sendable () async -> Void

    func run() async throws {
        do {
            try await listener.run()
        } catch let error as OfficeError {
            logger.error("programs of this machine can't print to the office", metadata: [LogKey.error: "\(error)"])
            problems.raise(.init("printers", what: error.what, why: error.why, mend: error.mend))
            await decided()
            try? await gracefulShutdown()
        }
    }
}
