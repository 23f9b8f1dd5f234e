import Dispatch
import FoundationEssentials
package import NIOCore
package import OfficeCore
package import OfficePrinting
package import OfficeTrust

#if canImport(Glibc)
    import Glibc
#endif

/// A real little print desk whose office is a folder: documents are written to it as `UUID.document`, what is known of
/// them as `UUID.json`, and a job is complete once it is written (or once it is told so). It starts again where it was.
package actor FolderDesk: PrintDesk {
    package struct Record: Codable, Sendable {
        package var number: Int32
        package var localName: String
        package var ticket: PrintTicket
        package var report: JobReport
    }

    private struct Begun {
        var wish: DeskWish
        var number: Int32
        var format = ""
        var size: Int64 = 0
    }

    private let folder: String
    private let node: NodeID
    private var boothQueues: [String: DeskQueue]
    private var begun: [JobID: Begun] = [:]
    private var records: [JobID: Record] = [:]
    private var lastNumber: Int32 = 0
    /// Jobs wait until `complete()`.
    private var isPatient: Bool
    /// How long printing takes.
    private let pace: DispatchTimeInterval?

    package init(
        folder: String, node: NodeID, queues: [DeskQueue], isPatient: Bool = false, milliseconds: Int? = nil
    ) throws {
        pace = milliseconds.map { .milliseconds($0) }
        self.folder = folder
        self.node = node
        self.isPatient = isPatient
        boothQueues = Dictionary(uniqueKeysWithValues: queues.map { ($0.localName, $0) })
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        for name in try FileManager.default.contentsOfDirectory(atPath: folder) where name.hasSuffix(".json") {
            guard let data = FileManager.default.contents(atPath: "\(folder)/\(name)") else { continue }
            let record = try JSONDecoder().decode(Record.self, from: data)
            records[record.report.id] = record
            lastNumber = max(lastNumber, record.number)
        }
    }

    // MARK: What the tests turn

    /// Every job that waits is printed; those that come from now on are, too, or wait.
    package func complete(thenWait isPatient: Bool = false) throws {
        self.isPatient = false
        defer { self.isPatient = isPatient }
        for id in records.keys.sorted() where records[id]?.report.state == .pending { try settle(id) }
    }

    package func set(_ queue: DeskQueue) { boothQueues[queue.localName] = queue }
    package func allRecords() -> [Record] { records.values.sorted { $0.number < $1.number } }
    /// Whether nothing was accepted and nothing begun.
    package var isEmpty: Bool { records.isEmpty && begun.isEmpty }
    package nonisolated func document(of job: JobID) -> [UInt8] {
        FileManager.default.contents(atPath: "\(folder)/\(job).document").map { Array($0) } ?? []
    }

    // MARK: PrintDesk

    package func queue(named name: String) -> DeskQueue? { boothQueues[name] }
    package func queues() -> [DeskQueue] { Array(boothQueues.values) }

    package func begin(_ wish: DeskWish) throws(OfficeError) -> DeskReceipt {
        let id = wish.id ?? JobID()
        guard records[id] == nil else { return DeskReceipt(id: id, isKnown: true) }
        lastNumber += 1
        begun[id] = Begun(wish: wish, number: begun[id]?.number ?? lastNumber)
        return DeskReceipt(id: id, isKnown: false)
    }

    package func receive(
        _ document: any AsyncSequence<ByteBuffer, any Error> & Sendable, format: String, for job: JobID
    ) async throws(OfficeError) {
        guard begun[job] != nil else { throw OfficeError(.notFound, job.description, "there is no such job") }
        let path = "\(folder)/.\(job).incoming"
        guard let file = fopen(path, "w") else { throw OfficeError(.io, path, "it can't be written") }
        defer { fclose(file) }
        var size: Int64 = 0
        do {
            for try await piece in document {
                let written = piece.withUnsafeReadableBytes { fwrite($0.baseAddress, 1, $0.count, file) }
                guard written == piece.readableBytes else { throw OfficeError(.noSpace, path, "the disk is full") }
                size += Int64(written)
            }
        } catch let error as OfficeError { throw error } catch {
            throw OfficeError(.temporary, "document", "it ended early (\(error))")
        }
        guard fflush(file) == 0, fsync(fileno(file)) == 0 else { throw OfficeError(.io, path, "it can't be written") }
        begun[job]?.format = format
        begun[job]?.size = size
    }

    package func finish(_ job: JobID) throws(OfficeError) {
        guard let begun = begun[job] else { throw OfficeError(.notFound, job.description, "there is no such job") }
        let (wish, now) = (begun.wish, Self.now)
        guard rename("\(folder)/.\(job).incoming", "\(folder)/\(job).document") == 0 else {
            throw OfficeError(.io, folder, "the document can't be kept")
        }
        let queue = wish.queue.description.name
        let report = JobReport(
            id: job, owner: wish.queue.owner, queue: queue, title: wish.title, user: wish.user, node: node,
            size: begun.size, state: wish.isHeld ? .held : .pending, submitted: now)
        let ticket = PrintTicket(
            id: job, queue: queue, title: wish.title, user: wish.user, format: begun.format, size: begun.size,
            attributes: wish.attributes, submitted: now, isHeld: wish.isHeld)
        records[job] = Record(number: begun.number, localName: wish.queue.localName, ticket: ticket, report: report)
        self.begun[job] = nil
        try settle(job)
    }

    package func abandon(_ job: JobID) {
        guard begun.removeValue(forKey: job) != nil else { return }
        unlink("\(folder)/.\(job).incoming")
    }

    package func jobs(of queue: DeskQueue) -> [JobReport] {
        allRecords().filter { $0.localName == queue.localName }.map(\.report)
    }

    package func job(_ id: JobID) -> JobReport? { records[id]?.report }
    package func number(of job: JobID) -> Int32 { records[job]?.number ?? begun[job]?.number ?? 0 }

    package func job(number: Int32, of queue: DeskQueue) -> JobID? {
        records.first { $0.value.number == number && $0.value.localName == queue.localName }?.key
    }

    package func change(_ job: JobID, _ change: JobChange, by user: UserName) throws(OfficeError) {
        guard let record = records[job] else { throw OfficeError(.notFound, job.description, "there is no such job") }
        guard record.report.user == user else {
            throw OfficeError(.notAllowed, record.report.title, "the job is \(record.report.user)'s")
        }
        switch change {
        case .cancel: records[job]?.report.state = .canceled
        case .hold: records[job]?.report.state = .held
        case .release, .reprint: records[job]?.report.state = .pending
        }
        try settle(job)
    }

    /// Prints it where nothing is in the way, and writes down how it is.
    private func settle(_ job: JobID) throws(OfficeError) {
        guard var record = records[job] else { return }
        if record.report.state == .pending, !isPatient {
            record.report.state = pace == nil ? .completed : .processing
            if let pace {
                DispatchQueue.global().asyncAfter(deadline: .now() + pace) { Task { await self.printed(job) } }
            }
        }
        if record.report.state.isFinal, record.report.completed == nil { record.report.completed = Self.now }
        records[job] = record
        do {
            try JSONEncoder().encode(record).write(to: URL(filePath: "\(folder)/\(job).json"), options: .atomic)
        } catch { throw OfficeError(.io, folder, "the job can't be written down (\(error))") }
    }

    private func printed(_ job: JobID) {
        guard records[job]?.report.state == .processing else { return }
        records[job]?.report.state = .completed
        do { try settle(job) } catch { records[job]?.report.reasons = [error.description] }
    }

    private static var now: Timestamp { Timestamp(seconds: Int64(Date().timeIntervalSince1970)) }
}
