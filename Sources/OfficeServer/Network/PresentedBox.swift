import NIOConcurrencyHelpers

/// Where a handshake leaves who presented itself, for whoever decides after it.
final class PresentedBox: Sendable {
    private let value = NIOLockedValueBox<PeerTLS.Presented?>(nil)

    func set(_ presented: PeerTLS.Presented) { value.withLockedValue { $0 = presented } }
    var presented: PeerTLS.Presented? { value.withLockedValue { $0 } }
}
