import NIOCore
package import OfficeCore

/// The entries of a `list` exchange as they come, checked: a listing that no folder could have is refused.
package struct ListingStream: AsyncSequence {
    /// What came at once.
    package struct Batch: Sendable, Equatable {
        package var entries: [Entry] = []
        /// Folders that could not be read; the rest of the listing goes on.
        package var failures: [OfficeError] = []
    }

    package typealias Element = Batch
    package typealias Failure = any Error

    private let body: BodyStream
    private let request: ListRequest
    private let limits: TransferLimits

    package init(_ body: BodyStream, of request: ListRequest, limits: TransferLimits = TransferLimits()) {
        self.body = body
        self.request = request
        self.limits = limits
    }

    package func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(reader: FrameReader(body, limits: limits), request: request)
    }

    package struct AsyncIterator: AsyncIteratorProtocol {
        private var reader: FrameReader
        private let request: ListRequest
        private var last: Entry?
        private var count = 0
        private var isOver = false

        fileprivate init(reader: FrameReader, request: ListRequest) {
            self.reader = reader
            self.request = request
        }

        package mutating func next() async throws -> Batch? {
            var batch = Batch()
            while !isOver, batch.entries.isEmpty, batch.failures.isEmpty {
                guard let frames = try await reader.next() else { throw cutOff() }
                for frame in frames { try take(frame, into: &batch) }
                if isOver { try await reader.drain() }
            }
            return batch.entries.isEmpty && batch.failures.isEmpty ? nil : batch
        }

        private mutating func take(_ frame: Frame, into batch: inout Batch) throws(OfficeError) {
            guard !isOver else { throw malformed("frames behind the end") }
            switch frame {
            case .entries(let entries):
                for entry in entries { try check(entry) }
                batch.entries += entries
            case .fail(Frame.wholeExchange, let error): throw error
            case .fail(_, let error): batch.failures.append(error)
            case .end(Frame.wholeExchange, nil): isOver = true
            default: throw malformed("a frame out of place in a listing")
            }
        }

        /// The root first or never; what is not recursive is one name deep; and what is comes depth first, each
        /// entry in a folder that was listed before it.
        private mutating func check(_ entry: Entry) throws(OfficeError) {
            defer { last = entry }
            count += 1
            if let limit = request.limit, count > limit { throw malformed("more entries than were asked for") }
            if entry.path.isRoot {
                guard count == 1, request.withSelf || entry.kind != .directory else {
                    throw malformed("a listing that names the folder itself")
                }
                return
            }
            if let last, last.path.isRoot, last.kind != .directory { throw malformed("entries below a file") }
            guard request.recursive else {
                guard entry.path.components.count == 1 else { throw malformed("an entry that was not asked for") }
                return
            }
            guard request.pattern == nil else { return }
            let parent = entry.path.parent
            if parent.isRoot { return }
            if let last, last.kind == .directory, last.path == parent { return }
            guard let last, last.path.parent.relative(to: parent) != nil else {
                throw malformed("an entry of a folder that was not listed")
            }
        }
    }
}

extension ShareTransport {
    /// Lists a folder (or tells of one file) and hands the entries to `receive` as they come.
    package func list<Result: Sendable>(
        _ request: ListRequest, node: Label, share: Label, limits: TransferLimits = TransferLimits(),
        receive: @escaping @Sendable (ListingStream) async throws -> Result
    ) async throws -> Result {
        try await exchange(
            node: node, share: share, verb: .list,
            send: { write in try await write(FrameEncoder.encoded(.list(request))) },
            receive: { body in try await receive(ListingStream(body, of: request, limits: limits)) })
    }

    /// Carries out changes in one exchange. The answer has, for each, whether it was so already, or why it failed.
    package func change(
        _ changes: [Change], node: Label, share: Label
    ) async throws -> [Result<Bool, OfficeError>] {
        try await exchange(
            node: node, share: share, verb: .change,
            send: { write in try await ChangeExchange.send(changes, write) },
            receive: { body in try await ChangeExchange.receive(body, count: changes.count) })
    }
}

/// The asking side of a change.
enum ChangeExchange {
    static func send(_ changes: [Change], _ write: BodyWriter) async throws {
        var encoder = FrameEncoder()
        for (index, change) in changes.enumerated() {
            encoder.write(.change(item: UInt32(index), change))
            if encoder.readableBytes > 64 << 10 { try await write(encoder.take()) }
        }
        if !encoder.isEmpty { try await write(encoder.take()) }
    }

    static func receive(_ body: BodyStream, count: Int) async throws -> [Result<Bool, OfficeError>] {
        var reader = FrameReader(body, limits: TransferLimits())
        var results: [Result<Bool, OfficeError>] = []
        while let frames = try await reader.next() {
            for frame in frames {
                switch frame {
                case .done(let item, let wasThere) where Int(item) == results.count && item < count:
                    results.append(.success(wasThere))
                case .fail(Frame.wholeExchange, let error): throw error
                case .fail(let item, let error) where Int(item) == results.count && item < count:
                    results.append(.failure(error))
                case .end(Frame.wholeExchange, nil) where results.count == count:
                    try await reader.drain()
                    return results
                default: throw malformed("a frame out of place in the answer to changes")
                }
            }
        }
        throw cutOff()
    }
}
