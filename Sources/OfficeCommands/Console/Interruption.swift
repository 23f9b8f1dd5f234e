import Dispatch
import OfficeCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Runs something that can be gone on with: SIGINT and SIGTERM stop it cleanly, keeping what has arrived, and end
/// it with status 75. Whoever is in more of a hurry sends a second signal.
func stoppable<Answer: Sendable>(
    _ what: String, _ operation: @escaping @Sendable () async throws -> Answer
) async throws -> Answer {
    let task = Task { try await operation() }
    let wasStopped = Flag()
    let queue = DispatchQueue(label: "officeshare.signals")
    let sources = [SIGINT, SIGTERM].map { number in
        signal(number, SIG_IGN)
        let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
        source.setEventHandler {
            if wasStopped.set() { _exit(OfficeError.Code.temporary.exitStatus) }
            task.cancel()
        }
        source.resume()
        return source
    }
    defer { for source in sources { source.cancel() } }
    do {
        return try await task.value
    } catch  where wasStopped.isSet && !(error is Failures) {
        throw OfficeError(
            .temporary, what, "it was interrupted", mend: "Run the same again: it goes on where it stopped.")
    }
}

/// Set once.
private final class Flag: Sendable {
    private let value = Atomic(false)
    var isSet: Bool { value.load(ordering: .acquiring) }
    /// Whether it was set already.
    func set() -> Bool { value.exchange(true, ordering: .acquiringAndReleasing) }
}
