import Hummingbird
import Logging
import NIOCore
import OfficeCore

/// What is known of a request before it is looked at: who sent it.
struct CallerSource<Caller: Sendable>: RequestContextSource, Sendable {
    let logger: Logger
    let caller: Caller
}

/// A request with its caller. The caller comes from the connection, never from the request.
struct CallerContext<Caller: Sendable>: RequestContext {
    typealias Source = CallerSource<Caller>

    var coreContext: CoreRequestContextStorage
    let caller: Caller

    init(source: CallerSource<Caller>) {
        coreContext = .init(source: source)
        caller = source.caller
    }
}

/// The node at the other end of a members' connection.
struct MemberCaller: Sendable {
    let node: NodeID
    let address: SocketAddress?
}

/// Somebody who wants to join: a key, and nothing that proves more.
struct JoiningCaller: Sendable {
    let presented: PeerTLS.Presented
}

typealias MemberContext = CallerContext<MemberCaller>
typealias JoiningContext = CallerContext<JoiningCaller>
typealias LocalContext = CallerContext<LocalCaller>
