package import OfficeCore
package import OfficeTransfer

/// Exchanges with a spool of the local daemon instead of a share: what is about to be sent, or has come.
package struct SpoolTransport: ShareTransport {
    private let client: ControlClient
    private let path: String

    /// - Parameter path: `/v1/outbox/CONTENT`, or `/v1/inbox/ID/content`.
    package init(client: ControlClient, path: String) {
        self.client = client
        self.path = path
    }

    package func exchange<Answer: Sendable>(
        node: Label, share: Label, verb: ShareVerb, server: Label?,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        try await client.exchangeFrames("\(path)/\(verb.rawValue)", send: send, receive: receive)
    }
}
