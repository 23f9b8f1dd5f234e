import Logging
import NIOCore
import OfficeCore
import OfficeFolders
import OfficeStore
import OfficeTransfer
import OfficeTrust

/// The standby's part of a node: its store is made equal to the file server's, and then everything is done here that is
/// done there, before it is acknowledged there.
actor StandbyFollower {
    /// One stretch of following. Ends with an error, and the file server begins another.
    private struct Session: Sendable {
        let store: Store
        let epoch: Int64
        let generation: Int64
        var number: Int64
    }

    private let records: StandbyRecords
    private let history: ServingHistory
    private let office: OfficeKeeper
    private let disk: WorkPool
    private let logger: Logger
    private let copies: StandbyCopies
    private var session: Session? {
        didSet { if session?.store !== oldValue?.store { copies.follow(session?.store) } }
    }
    /// One thing after another: nothing is followed while the store is copied, opened or given up.
    private var isBusy = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(
        records: StandbyRecords, history: ServingHistory, office: OfficeKeeper, disk: WorkPool, copies: StandbyCopies,
        logger: Logger
    ) {
        self.copies = copies
        self.records = records
        self.history = history
        self.office = office
        self.disk = disk
        self.logger = logger
    }

    private func inTurn<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        if isBusy { await withCheckedContinuation { waiting.append($0) } }
        isBusy = true
        defer {
            // Whoever is next stays the only one: nobody comes in between.
            isBusy = !waiting.isEmpty
            if !waiting.isEmpty { waiting.removeFirst().resume() }
        }
        return try await body()
    }

    func record() async throws -> FollowerRecord? {
        let records = records
        return try await disk.run { try records.follower() }
    }

    /// The store that follows, for its upkeep.
    var store: Store? { session?.store }

    // MARK: What the file server asks

    /// Makes the store equal by `bring`. From the first byte on it is neither the old nor the new.
    func copy(_ bring: @escaping @Sendable () async throws -> Void) async throws {
        try await inTurn {
            try await self.end()
            try await bring()
        }
    }

    func join(_ call: StandbyCall, at path: [UInt8]) async throws {
        try await inTurn {
            guard let office = await self.office.state?.office else { throw OfficeKeeper.inNone }
            let records = self.records
            let record = FollowerRecord(
                epoch: call.epoch, generation: call.generation, isInStep: true, witnesses: call.witnesses)
            self.session = try await self.disk.run {
                let store = try Store(at: path, office: office, epoch: 0)
                if let failure = store.failures.first { throw failure }
                try records.write(record)
                return Session(store: store, epoch: call.epoch, generation: call.generation, number: call.number)
            }
            self.logger.notice("this node follows the file server", metadata: [LogKey.count: "\(call.generation)"])
        }
    }

    /// The generation is over, by the file server's word.
    func over(_ generation: Int64) async throws {
        try await inTurn {
            guard try await self.record()?.generation == generation else { return }
            try await self.end()
        }
    }

    /// This node is the standby no longer, or about to become the file server: nothing is followed any more. What is
    /// known of how it stands stays.
    func leave() async {
        _ = try? await inTurn { self.session = nil }
    }

    private func end() async throws {
        session = nil
        let records = records
        try await disk.run {
            guard var record = try records.follower(), record.isInStep else { return }
            record.isInStep = false
            try records.write(record)
        }
    }

    /// Does what comes; answers once it is on the disk.
    func take(_ body: sending BodyStream) async throws -> ChangesAnswer {
        try await inTurn {
            var reader = ChangesReader(body)
            let head = try await reader.head()
            guard let session = self.session, session.epoch == head.epoch, session.generation == head.generation else {
                throw Self.notFollowing
            }
            do {
                let number = try await self.apply(&reader, session)
                self.session?.number = number
                self.copies.confirm()
                try await self.note(head)
                return ChangesAnswer(number: number)
            } catch {
                // What was begun can't be taken back, nor gone on with: the file server makes this store equal again.
                self.session = nil
                self.logger.warning("the file server is followed no longer", metadata: [LogKey.error: "\(error)"])
                throw error
            }
        }
    }

    private static let notFollowing = OfficeError(
        .changed, "the standby", "it doesn't follow, and has to be made equal first")

    private func apply(_ reader: inout ChangesReader, _ session: Session) async throws -> Int64 {
        var number = session.number
        var done: [StoreChange] = []
        let store = session.store
        while let next = try await reader.change() {
            guard next.number > number else {
                try await reader.content(next.change.contentBytes) { _, _ in }
                continue
            }
            let (change, disk) = (next.change, disk)
            let partial = try await disk.run { try store.partial(for: change) }
            defer { partial?.close() }
            try await reader.content(change.contentBytes) { piece, offset in
                try await disk.run {
                    try piece.withUnsafeReadableBytes { try partial?.write($0, at: offset) }
                }
            }
            try await disk.run { try store.follow(change, partial) }
            done.append(change)
            number = next.number
        }
        let changes = done
        try await disk.run { try store.settle(changes) }
        return number
    }

    private func note(_ head: ChangesHead) async throws {
        let records = records
        try await disk.run {
            guard var record = try records.follower(), record.witnesses != head.witnesses else { return }
            record.witnesses = head.witnesses
            try records.write(record)
        }
    }
}

/// Takes a body of changes apart.
struct ChangesReader {
    private static let longestHead = 16 << 20

    private var pieces: BodyStream.AsyncIterator
    private var buffer = ByteBuffer()

    init(_ body: BodyStream) { pieces = body.makeAsyncIterator() }

    mutating func head() async throws -> ChangesHead {
        guard let head = try await json(ChangesHead.self) else { throw Self.cut }
        return head
    }

    /// nil at the end.
    mutating func change() async throws -> ChangeHead? { try await json(ChangeHead.self) }

    /// Hands over so many bytes, as they come, each with its offset.
    mutating func content(
        _ bytes: Int64, _ take: (ByteBuffer, Int64) async throws -> Void
    ) async throws {
        var offset: Int64 = 0
        while offset < bytes {
            if buffer.readableBytes == 0, !(try await more()) { throw Self.cut }
            let count = Int(min(Int64(buffer.readableBytes), bytes - offset))
            guard count > 0, let piece = buffer.readSlice(length: count) else { continue }
            try await take(piece, offset)
            offset += Int64(count)
        }
    }

    private mutating func json<Value: Decodable>(_ type: Value.Type) async throws -> Value? {
        while buffer.readableBytes < 4 {
            guard try await more() else {
                if buffer.readableBytes == 0 { return nil }
                throw Self.cut
            }
        }
        guard let length = buffer.readInteger(as: UInt32.self), length <= Self.longestHead else { throw Self.malformed }
        while buffer.readableBytes < Int(length) {
            guard try await more() else { throw Self.cut }
        }
        guard let bytes = buffer.readBytes(length: Int(length)) else { throw Self.cut }
        return try ByteBuffer(bytes: bytes).decoded(as: type)
    }

    private mutating func more() async throws -> Bool {
        guard let piece = try await pieces.next() else { return false }
        if buffer.readableBytes == 0 { buffer = piece } else { buffer.writeImmutableBuffer(piece) }
        return true
    }

    private static let cut = OfficeError(.temporary, "changes", "they were cut off", mend: "Run the same again.")
    private static let malformed = OfficeError(.malformed, "changes", "one is too long")
}
