import NIOCore
import OfficeCore
import OfficeFolders

/// Some entries of a tree that are uploaded together: offered in one exchange, and what is missing there sent in
/// another, over as many rounds as it takes.
struct BatchUpload: Sendable {
    let session: TransferSession
    let context: UploadContext
    let batch: Handover<[FileUpload]>

    /// One offer of all that is not settled: folders and links are there then. Asked again while patience lasts.
    func offer(hasBegun: Bool = true) async throws {
        try await session.persist(context.destination, hasBegun: hasBegun) {
            try await offerOnce()
            return true
        }
    }

    /// Sends what the offer showed to be missing, and offers anew what did not arrive, until all is settled.
    func send() async throws {
        try await session.persist(context.destination, hasBegun: true) {
            if batch.value.contains(where: { $0.phase == .offering }) { try await offerOnce() }
            if batch.value.contains(where: { $0.phase == .sending }) { try await storeOnce() }
            return batch.value.allSatisfy(\.isSettled)
        }
    }

    // MARK: Offering

    private func offerOnce() async throws {
        let (batch, pool, limits) = (self.batch, session.pool, session.options.limits)
        let (offered, frames) = try await pool.run {
            var encoder = FrameEncoder(limits: limits)
            var offered: [FileUpload] = []
            for upload in batch.value where upload.phase == .offering {
                do throws(OfficeError) {
                    encoder.write(.offer(try upload.offer(item: UInt32(offered.count))))
                    offered.append(upload)
                } catch {
                    upload.fail(error)
                }
            }
            return (Handover(offered), encoder.take())
        }
        guard !offered.value.isEmpty else { return }
        try await session.exchange(
            with: context.destination, .offer, send: { try await $0(frames) },
            receive: { body in
                var reader = FrameReader(body, limits: limits)
                var next = 0
                while let frames = try await reader.next() {
                    // Comparing means hashing: on the pool.
                    let first = next
                    next = try await pool.run { try Self.take(frames, offered.value, from: first) }
                    if next > offered.value.count { return try await reader.drain() }
                }
                throw cutOff()
            })
    }

    /// Takes the answers to offers, in their order. The number of the next; one more than all at the end.
    private static func take(
        _ frames: [Frame], _ offered: [FileUpload], from first: Int
    ) throws(OfficeError) -> Int {
        var next = first
        for frame in frames {
            if case .fail(Frame.wholeExchange, let error) = frame { throw error }
            if case .end(Frame.wholeExchange, nil) = frame, next == offered.count { return next + 1 }
            guard next < offered.count else { throw malformed("more than was offered") }
            let (upload, item) = (offered[next], UInt32(next))
            do throws(OfficeError) {
                switch frame {
                case .manifest(item, let first, let digests): try upload.exists(first: first, digests: digests)
                case .held(item, let blocks): try upload.holds(blocks)
                case .need(let need) where need.item == item:
                    next += 1
                    try upload.needed(need)
                case .done(item, _):
                    next += 1
                    upload.made()
                case .fail(item, let error):
                    next += 1
                    try refused(upload, error)
                default: throw malformed("a frame out of place in the answer to an offer")
                }
            } catch {
                try failed(upload, error)
            }
        }
        return next
    }

    /// What becomes of an item that could not be gone on with here. What breaks the protocol ends everything.
    private static func failed(_ upload: FileUpload, _ error: OfficeError) throws(OfficeError) {
        guard error.code != .malformed else { throw error }
        try refused(upload, error, there: error.code == .exists)
    }

    /// What becomes of an item that failed. A full disk fails everything.
    ///
    /// - Parameter there: Whether it is the receiver that says so, of the destination.
    private static func refused(
        _ upload: FileUpload, _ error: OfficeError, there: Bool = true
    ) throws(OfficeError) {
        switch error.code {
        case .noSpace: throw error.about(upload.name)
        case .changed: upload.sourceChanged()
        case .temporary, .unavailable: upload.interrupted()
        default: upload.fail(error, there: there)
        }
    }

    // MARK: Sending

    private func storeOnce() async throws {
        let (batch, pool, limits, ledger, stop) = (
            self.batch, session.pool, session.options.limits, session.ledger, context.stop
        )
        let node = context.destination.node
        let sending = Handover(batch.value.filter { $0.phase == .sending })
        let answers = StoreAnswers()
        let maker = Handover(StoreMaker(sending.value, answers: answers, limits: limits, stop: stop))
        let outlet = ByteOutlet(pool: pool) { try maker.value.next() }
        let (reported, moved) = (VerifiedBytes(), VerifiedBytes())
        var failure: (any Error)?
        do {
            try await session.exchange(
                with: context.destination, .store,
                send: { write in
                    while let buffer = try await outlet.next() {
                        try await write(buffer)
                        let bytes = answers.didSend()
                        moved.add(bytes)
                        ledger.moved(bytes, with: node)
                    }
                },
                receive: { body in
                    try await Self.receive(body, answers, sending.value.count, limits, reported, ledger)
                })
        } catch {
            failure = error
        }
        await outlet.close()
        ledger.lost(reported.value)
        let breakage = failure.map { _ in Handover(Breakage(told: reported.value)) }
        if breakage != nil { ledger.moved(Int(reported.value - moved.value), with: node) }
        try await pool.run { try Self.settle(sending.value, maker.value, answers, breakage?.value) }
        if let failure { throw failure }
    }

    /// Reads the receiver's answers until its end.
    private static func receive(
        _ body: BodyStream, _ answers: StoreAnswers, _ count: Int, _ limits: TransferLimits,
        _ reported: VerifiedBytes, _ ledger: TransferLedger
    ) async throws {
        var reader = FrameReader(body, limits: limits)
        while let frames = try await reader.next() {
            for frame in frames {
                switch frame {
                case .progress(let bytes):
                    let news = bytes - reported.value
                    guard news >= 0 else { throw malformed("progress that goes back") }
                    reported.add(Int(news))
                    if news > 0 { ledger.uploaded(news) }
                case .committed(let item, let root, let name)
                where item < count && answers.note(.committed(root, name), of: item):
                    break
                case .fail(Frame.wholeExchange, let error): throw error
                case .fail(let item, let error) where item < count && answers.note(.failed(error), of: item):
                    if error.code == .noSpace { throw error }
                case .end(Frame.wholeExchange, nil): return try await reader.drain()
                default: throw malformed("a frame out of place in the answer to a store")
                }
            }
        }
        throw cutOff()
    }

    /// Says of each item what became of it. What has neither receipt nor failure is offered anew.
    private static func settle(
        _ sending: [FileUpload], _ maker: StoreMaker, _ answers: StoreAnswers, _ breakage: Breakage?
    ) throws(OfficeError) {
        for (index, upload) in sending.enumerated() {
            let item = UInt32(index)
            switch answers.verdict(of: item) {
            case .committed(let root, let name):
                guard root == maker.roots[item] else { throw malformed("a receipt for another content") }
                try upload.committed(root, as: name, within: breakage)
            case .failed(let error):
                try refused(upload, error)
            case nil:
                if let error = maker.failures[item] {
                    try failed(upload, error)
                } else if breakage == nil, maker.roots[item] != nil {
                    throw malformed("an end without all receipts")
                } else {
                    upload.interrupted(by: breakage)
                }
            }
        }
    }
}
