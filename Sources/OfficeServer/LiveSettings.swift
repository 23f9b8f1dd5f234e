import NIOConcurrencyHelpers
package import OfficeConfiguration

/// The settings in force: a reload replaces them, and who asks anew has the new ones.
///
/// What a connection was promised when it was made (how long a head may take, how long one may be) stays with it;
/// the counts and the rules hold for everybody at once.
package final class LiveSettings: Sendable {
    private let box: NIOLockedValueBox<Settings>
    /// The settings after each change.
    let changes = EventHub<Settings>()

    package init(_ settings: Settings) { box = NIOLockedValueBox(settings) }

    package var current: Settings { box.withLockedValue { $0 } }
    var limits: Settings.Limits { current.limits }

    func replace(by settings: Settings) {
        box.withLockedValue { $0 = settings }
        changes.send(settings)
    }
}
