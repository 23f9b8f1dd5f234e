import HTTPTypes
import OfficeControl
import OfficeCore
import OfficeTransfer
import OfficeTrust

/// One exchange of the daemon's own for blocks that others read, too: with their owner, or with a node that holds them
/// in passing. What comes is kept for the others.
struct SharedExchange: Sendable {
    let office: OfficeKeeper
    let pool: PeerPool
    let governor: TransferGovernor
    let load: TransferGovernor.Load
    let passing: PassingDesk

    /// - Parameter fetching: The request to the owner.
    func run<Answer: Sendable>(
        _ key: BlockCache.Key, _ fetching: HTTPRequest, user: String, from source: SharedSource,
        send: @escaping @Sendable (_ write: BodyWriter) async throws -> Void,
        receive: @escaping @Sendable (_ body: BodyStream) async throws -> Answer
    ) async throws -> Answer {
        let (node, head, name): (NodeID, HTTPRequest, Label)
        switch source {
        case .keeper(let owner): (node, head, name) = (key.origin, fetching, owner)
        case .holder(let holder):
            guard let found = await office.node(named: holder) else {
                throw OfficeError(.notFound, holder.description, "there is no such node in the office")
            }
            (node, head, name) = (found, try passing.request(for: key, user: user), holder)
        }
        let tap = passing.tap(key)
        do {
            return try await pool.exchange(
                with: node, head,
                send: { write in
                    try await send { try await governor.write($0, by: write, .out, with: node, for: load) }
                },
                receive: { _, body in
                    let paced = governor.paced(body, .in, with: node, for: load)
                    let tapped = paced.map { piece in
                        await tap?.take(piece)
                        return piece
                    }
                    let answer = try await receive(BodyStream(tapped))
                    await tap?.finish()
                    return answer
                })
        } catch {
            await tap?.finish()
            guard let known = error as? OfficeError, known == HTTPConnection.lost || known == PeerConnector.unreachable
            else { throw error }
            throw known.about(name.description)
        }
    }
}
