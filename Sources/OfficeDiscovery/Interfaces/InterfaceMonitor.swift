import Dispatch
import Glibc
package import OfficeCore

/// This machine's network interfaces, and when they change.
package struct InterfaceMonitor: Sendable {
    private let rules: InterfaceRules
    /// How long the kernel has to be quiet before a change is told: a cable that is plugged in makes a dozen.
    private let settling: Duration

    package init(rules: InterfaceRules, settling: Duration = .milliseconds(100)) {
        self.rules = rules
        self.settling = settling
    }

    /// All interfaces as they are now, by index.
    package func snapshot() throws(OfficeError) -> [NetworkInterface] {
        let (links, addresses) = try RouteSocket(listening: false).snapshot()
        let byIndex = Dictionary(links.map { ($0.index, $0) }) { _, later in later }
        let addressesOf = Dictionary(grouping: addresses, by: \.interfaceIndex)
        return byIndex.values.sorted { $0.index < $1.index }.map { link in
            let addresses = (addressesOf[link.index] ?? []).map { $0.address.text(interface: link.name) }
            return NetworkInterface(
                index: link.index, name: link.name, isUp: link.isUp, isLAN: rules.isLAN(link, among: byIndex),
                addresses: addresses.sorted())
        }
    }

    /// The interfaces now, and again whenever something about them is different; ends only with its consumer.
    /// Each state is whole, so a slow consumer gets only the latest.
    package func changes() throws(OfficeError) -> AsyncStream<[NetworkInterface]> {
        // The source's own, closed when it lets go of it.
        let descriptor = try RouteSocket(listening: true).duplicate()
        let (stream, continuation) = AsyncStream<[NetworkInterface]>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let queue = DispatchQueue(label: "officeshare.interfaces")
        let source = DispatchSource.makeReadSource(fileDescriptor: descriptor, queue: queue)
        let watch = Watch(monitor: self, source: source, queue: queue, continuation: continuation)
        source.setEventHandler { watch.changed() }
        source.setCancelHandler { close(descriptor) }
        continuation.onTermination = { _ in watch.stop() }
        queue.async { watch.tell() }
        source.resume()
        return stream
    }

    /// One consumer's watch.
    ///
    /// `@unchecked`: everything mutable is touched on `queue` only, which checks it.
    private final class Watch: @unchecked Sendable {
        private let monitor: InterfaceMonitor
        private let source: any DispatchSourceRead
        private let queue: DispatchQueue
        private let continuation: AsyncStream<[NetworkInterface]>.Continuation
        private var told: [NetworkInterface]?
        private var isSettling = false

        init(
            monitor: InterfaceMonitor, source: any DispatchSourceRead, queue: DispatchQueue,
            continuation: AsyncStream<[NetworkInterface]>.Continuation
        ) {
            self.monitor = monitor
            self.source = source
            self.queue = queue
            self.continuation = continuation
        }

        func stop() { source.cancel() }

        func changed() {
            dispatchPrecondition(condition: .onQueue(queue))
            RouteSocket.drain(Int32(source.handle))
            guard !isSettling else { return }
            isSettling = true
            queue.asyncAfter(deadline: .now() + monitor.settling.seconds) { [weak self] in
                self?.isSettling = false
                self?.tell()
            }
        }

        func tell() {
            dispatchPrecondition(condition: .onQueue(queue))
            // What can't be read now can be with the next change: the last list stands until then.
            guard let interfaces = try? monitor.snapshot(), interfaces != told else { return }
            told = interfaces
            continuation.yield(interfaces)
        }
    }
}

extension Duration {
    /// As dispatch counts time.
    var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
