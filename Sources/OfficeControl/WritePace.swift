package import NIOCore

/// Keeps a writer from running ahead of its connection's event loop.
///
/// What is handed to a NIOAsyncChannel's writer waits on the event loop until that comes to it, and only then counts
/// against the water marks: on a busy machine a quick producer piled up hundreds of megabytes there. So every so many
/// bytes the loop is asked for a word: it answers in turn, behind all that was handed over before.
package struct WritePace: Sendable {
    /// Bytes that may wait for the event loop.
    private static let stretch = 512 << 10

    private let loop: any EventLoop
    private var ahead = 0

    package init(_ loop: any EventLoop) { self.loop = loop }

    /// After this many bytes were handed over.
    package mutating func wrote(_ bytes: Int) async throws {
        ahead += bytes
        guard ahead >= Self.stretch else { return }
        ahead = 0
        try await loop.submit {}.get()
    }
}
