import OfficeCore

/// A record of a job, as `SubmittedJob` and `ReceivedJob` are.
protocol JobRecord: Codable, Sendable, Equatable {
    var id: JobID { get }
}

/// The records of one role, in memory as they are on the disk, and in the order of their coming.
///
/// Not `Sendable`: it belongs to the actor that made it, and its functions run there.
final class JobLedger<Record: JobRecord> {
    private let store: JobStore
    private let role: JobStore.Role
    private var records: [JobID: Record] = [:]
    private var order: [JobID] = []

    init(_ store: JobStore, _ role: JobStore.Role) async throws {
        self.store = store
        self.role = role
        for record in try await store.all(role, as: Record.self) {
            records[record.id] = record
            order.append(record.id)
        }
    }

    subscript(id: JobID) -> Record? { records[id] }

    /// All, in order.
    var all: [Record] { order.compactMap { records[$0] } }

    func count(where isCounted: (Record) -> Bool) -> Int { records.values.count(where: isCounted) }

    /// Writes a record down. It counts in memory at once, so that no two changes cross; where it can't be written it is
    /// as it was before.
    ///
    /// - Parameter kept: What is written, where that isn't quite the same.
    func write(_ record: Record, as kept: Record? = nil) async throws(OfficeError) {
        let before = records[record.id]
        records[record.id] = record
        if before == nil { order.append(record.id) }
        do throws(any Error) {
            try await store.write(kept ?? record, role, record.id)
        } catch {
            if records[record.id] == record {
                records[record.id] = before
                if before == nil { order.removeAll { $0 == record.id } }
            }
            throw OfficeError(
                .io, "the print spool", "its records can't be written (\(error))",
                mend: "Make room on the disk of the state directory.")
        }
    }

    func forget(_ ids: Set<JobID>) async throws {
        try await store.remove(role, Array(ids))
        for id in ids { records[id] = nil }
        order.removeAll { ids.contains($0) }
    }
}
