import HTTPTypes
import HummingbirdCore
import NIOCore
import NIOHTTPTypes
import OfficeConfiguration
import OfficeControl

/// Ends a connection whose next request's head isn't whole in time, however steadily its bytes trickle in.
///
/// An idle timeout alone would let a sender of a byte now and then keep a connection for ever.
final class HeadDeadlineHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    private let limit: TimeAmount
    private var timer: Scheduled<Void>?
    /// Requests whose answer isn't done: heads may come before it is.
    private var unanswered = 0

    init(_ limit: TimeAmount) { self.limit = limit }

    func handlerAdded(context: ChannelHandlerContext) { arm(context) }
    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelInactive(context: ChannelHandlerContext) {
        timer?.cancel()
        context.fireChannelInactive()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        if case .head = unwrapInboundIn(data) {
            unanswered += 1
            timer?.cancel()
        }
        context.fireChannelRead(data)
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        if case .end = unwrapOutboundIn(data) {
            unanswered -= 1
            if unanswered <= 0 { arm(context) }
        }
        context.write(data, promise: promise)
    }

    private func arm(_ context: ChannelHandlerContext) {
        let channel = context.channel
        timer?.cancel()
        timer = context.eventLoop.scheduleTask(in: limit) { channel.close(mode: .all, promise: nil) }
    }
}

extension HTTP1Channel.Configuration {
    /// What every face asks of a connection.
    /// - Parameter budget: For connections whose requests a `RequestAnswerer` answers, and no others: it is what gives
    ///   back what has come.
    static func bounded(by limits: Settings.Limits, _ budget: ByteBudget? = nil) -> Self {
        let patience = TimeAmount.seconds(Int64(limits.requestSeconds))
        return .init(
            additionalChannelHandlers: [HeadDeadlineHandler(patience)]
                + (budget.map { [ServerBudgetHandler($0)] } ?? []),
            idleTimeout: patience,
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: limits.headerBytes, maxHeaderListSize: limits.headerBytes, maxHeaderFieldCount: 64))
    }
}
