package import NIOCore
package import NIOHTTPTypes

/// A part of a message, as far as the budget is concerned.
package protocol BudgetedPart: Sendable {
    /// Bytes of a body; 0 of any other part.
    var bodyBytes: Int { get }
    /// Whether a message begins with it.
    var isHead: Bool { get }
}

extension HTTPRequestPart: BudgetedPart {
    package var bodyBytes: Int { if case .body(let bytes) = self { bytes.readableBytes } else { 0 } }
    package var isHead: Bool { if case .head = self { true } else { false } }
}

extension HTTPResponsePart: BudgetedPart {
    package var bodyBytes: Int { if case .body(let bytes) = self { bytes.readableBytes } else { 0 } }
    package var isHead: Bool { if case .head = self { true } else { false } }
}

/// Keeps a connection within its node's `ByteBudget`: reads no more while what came waits to be taken, and tells when
/// what was handed over has left.
///
/// Who takes what came gives it back to `taken`; who hands something over notes it in `handed` first, and waits there
/// (`settle`): what is handed to a NIOAsyncChannel's writer counts against no water mark until its event loop comes to
/// it, and on a busy machine hundreds of megabytes piled up there.
package final class BudgetHandler<Inbound: BudgetedPart, Outbound: BudgetedPart>: ChannelDuplexHandler,
    RemovableChannelHandler
{
    package typealias InboundIn = Inbound
    package typealias InboundOut = Inbound
    package typealias OutboundIn = Outbound
    package typealias OutboundOut = Outbound

    package let taken: ByteBudget.Account
    package let handed: ByteBudget.Account
    private var context: ChannelHandlerContext?
    /// Whether what comes will be taken by somebody who gives it back.
    private var counts = true

    package init(_ budget: ByteBudget) {
        taken = budget.account()
        handed = budget.account()
    }

    package func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    package func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        handed.close()
        taken.close()
    }

    /// Nobody takes the rest of the message that is coming in. On the event loop.
    package func passOver() {
        counts = false
        taken.release(taken.held)
    }

    package func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = Self.unwrapInboundIn(data)
        if part.isHead { counts = true }
        if counts, part.bodyBytes > 0 { taken.hold(part.bodyBytes) }
        context.fireChannelRead(data)
    }

    package func read(context: ChannelHandlerContext) {
        let (loop, bound) = (context.eventLoop, NIOLoopBound(self, eventLoop: context.eventLoop))
        let mayGoOn = taken.mayGoOn {
            // Once more from the start: others may have been quicker.
            loop.execute {
                let handler = bound.value
                if let context = handler.context { handler.read(context: context) }
            }
        }
        if mayGoOn { context.read() }
    }

    package func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let bytes = Self.unwrapOutboundIn(data).bodyBytes
        guard bytes > 0 else { return context.write(data, promise: promise) }
        let left = promise ?? context.eventLoop.makePromise()
        left.futureResult.whenComplete { [handed] _ in handed.release(bytes) }
        context.write(data, promise: left)
    }

    package func channelInactive(context: ChannelHandlerContext) {
        handed.close()
        taken.close()
        context.fireChannelInactive()
    }
}

package typealias ServerBudgetHandler = BudgetHandler<HTTPRequestPart, HTTPResponsePart>
package typealias ClientBudgetHandler = BudgetHandler<HTTPResponsePart, HTTPRequestPart>
