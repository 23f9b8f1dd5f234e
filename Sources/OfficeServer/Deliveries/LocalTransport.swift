import AsyncAlgorithms
import NIOCore
import OfficeCore
import OfficeFolders
import OfficeTransfer

/// Carries an exchange to a folder of this very process: both ends are here, and nothing is between them.
struct LocalTransport: ShareTransport {
    let responder: ShareResponder
    let mayWrite: Bool
    /// The folder of an exchange; its share's name says which.
    let folder: @Sendable (Label) async throws -> any FolderChanging

    func exchange<Answer: Sendable>(
        node: Label, share: Label, verb: ShareVerb, server: Label?,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        let folder = try await folder(share)
        let requests = AsyncThrowingChannel<ByteBuffer, any Error>()
        let answers = AsyncThrowingChannel<ByteBuffer, any Error>()
        let (responder, mayWrite) = (self.responder, self.mayWrite)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                do {
                    try await send { await requests.send($0) }
                    requests.finish()
                } catch {
                    requests.fail(error)
                }
            }
            group.addTask {
                do {
                    try await responder.respond(
                        to: verb, in: folder, mayWrite: mayWrite, request: BodyStream(requests)
                    ) { await answers.send($0) }
                    answers.finish()
                } catch {
                    answers.fail(error)
                }
            }
            // Who still waits to hand a piece over, hears that nobody takes it.
            defer {
                requests.finish()
                answers.finish()
                group.cancelAll()
            }
            return try await receive(BodyStream(answers))
        }
    }
}
