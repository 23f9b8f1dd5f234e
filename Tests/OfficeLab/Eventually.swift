internal import OfficeCore

/// Waits until `condition` holds, trying it anew every `interval`, and says how long that took.
///
/// The lab looks at processes, files and networks that tell nobody when they change: here, and only here,
/// is where it polls. An error that the condition throws counts as "not yet" and is told if time runs out.
@discardableResult package func eventually(
    _ what: String, within limit: Duration = .seconds(10), every interval: Duration = .milliseconds(20),
    _ condition: () async throws -> Bool
) async throws -> Duration {
    let clock = ContinuousClock()
    let start = clock.now
    var last: (any Error)?
    while true {
        do {
            if try await condition() { return clock.now - start }
            last = nil
        } catch {
            last = error
        }
        guard clock.now - start < limit else {
            throw OfficeError(
                .temporary, what, "not so within \(limit)\(last.map { "; the last try failed with: \($0)" } ?? "")")
        }
        try await clock.sleep(for: interval)
    }
}
