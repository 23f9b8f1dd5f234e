import Hummingbird
import NIOCore
import OfficeControl
import OfficeCore
import OfficeTransfer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What programs on this machine tell and ask of transfers.
struct ControlTransferRoutes: Sendable {
    /// Bytes of one line that a command tells of its transfer: a path may be long.
    private static let longestLine = 64 << 10

    let board: TransferBoard
    /// Brings up to date what says nothing of itself.
    let refresh: @Sendable () async -> Void

    func add(to router: Router<LocalContext>) {
        router.get("/v1/transfers") { _, context -> Response in
            await refresh()
            return try .json(await board.models(for: context.caller))
        }
        router.post("/v1/transfers") { request, context -> Response in follow(request, context.caller) }
        router.post("/v1/transfers/rejections") { request, context -> Response in
            let told = try await request.decoded(as: TransferRejections.self, limit: Self.longestLine)
            await board.rejections.note(told.sources, of: told.path, by: context.caller.userName)
            return .nothing
        }
        router.post("/v1/transfers/:id/:order") { _, context -> Response in
            guard let order = context.parameters.get("order").flatMap(TransferOrder.init(rawValue:)) else {
                throw OfficeError(.notFound, "request", "there is no such order")
            }
            return try .json(await board.order(order, context.parameters.get("id") ?? "", by: context.caller))
        }
    }

    /// Holds a command's transfer on the board for as long as its connection stands, so that a command that is killed
    /// leaves nothing: its lines in, orders out.
    private func follow(_ request: Request, _ caller: LocalCaller) -> Response {
        .streaming("application/x-ndjson") { write in
            try await withThrowingTaskGroup(of: Void.self) { tasks in
                var splitter = LineSplitter(limit: Self.longestLine)
                var id: TransferBoard.ID?
                do {
                    for try await piece in request.body {
                        for line in try splitter.feed(piece) where !line.isEmpty {
                            if let id {
                                await board.update(id, try Self.decoded(line))
                            } else {
                                let begun = await board.begin(try Self.decoded(line), userID: caller.userID)
                                id = begun.id
                                tasks.addTask { try await Self.pass(begun.orders, to: write) }
                            }
                        }
                    }
                } catch {
                    if let id { await board.end(id) }
                    throw error
                }
                if let id { await board.end(id) }
            }
        }
    }

    private static func pass(_ orders: AsyncStream<TransferOrder>, to write: BodyWriter) async throws {
        for await order in orders {
            try await write(ByteBuffer(bytes: try JSONEncoder().encode(order) + [0x0A]))
        }
    }

    private static func decoded<Value: Decodable>(_ line: String) throws -> Value {
        try JSONDecoder().decode(Value.self, from: Data(line.utf8))
    }
}
