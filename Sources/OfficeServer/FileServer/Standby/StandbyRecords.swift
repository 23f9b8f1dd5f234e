import NIOConcurrencyHelpers
import OfficeCore
import OfficeFolders

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// What the file server knows of its standby.
///
/// A *generation* is a stretch of time in which the standby follows: it grows with each, also from epoch to epoch, so
/// that what was said of one says nothing of the next.
struct LeadRecord: Codable, Sendable, Equatable {
    var epoch: Int64
    /// nil: there is none.
    var standby: NodeID?
    var generation: Int64
    /// Whether members were told that the standby is behind: this node acknowledges alone.
    var isBehind: Bool
    /// Whom the standby knows to be told before that, as far as it has said so.
    var witnesses: [NodeID]
    /// Whom it may know by now, where its answer is outstanding.
    var proposed: [NodeID]?
    /// Number of the change from which on it is behind.
    var since: Int64?
}

/// What the standby knows of itself.
struct FollowerRecord: Codable, Sendable, Equatable {
    var epoch: Int64
    var generation: Int64
    /// Whether all that was acknowledged in the generation is here. That it is over may not be known here.
    var isInStep: Bool
    /// One of these hears of it before the file server acknowledges anything alone.
    var witnesses: [NodeID]
}

/// What a member was told by the file server.
struct WitnessRecord: Codable, Sendable, Equatable {
    var epoch: Int64
    /// The last generation that is over; 0: none.
    var behind: Int64
    /// Whether it was promised, in this epoch, not to hear any more for a moment.
    var hasPromised: Bool
}

/// What each part keeps over a restart, on the disk before it is acted upon. All methods block.
struct StandbyRecords: Sendable {
    private static let longest = 64 << 10

    /// A record of another office says nothing: epochs begin anew there.
    private struct Kept<Record: Codable>: Codable {
        var office: OfficeID
        var record: Record
    }

    let stateDirectory: String
    private let office = NIOLockedValueBox<OfficeID?>(nil)

    init(stateDirectory: String) { self.stateDirectory = stateDirectory }

    /// The office that the node is in now.
    func belong(to office: OfficeID) { self.office.withLockedValue { $0 = office } }

    func lead() throws(OfficeError) -> LeadRecord? { try read("standby-lead.json") }
    func write(_ record: LeadRecord) throws(OfficeError) { try write(record, "standby-lead.json") }
    /// This node serves without a standby.
    func goAlone(_ epoch: Int64) throws(OfficeError) {
        guard let known = try lead() else { return }
        try write(
            LeadRecord(epoch: epoch, standby: nil, generation: known.generation, isBehind: true, witnesses: []))
    }

    /// Whether one of these nodes is the standby that has all that this one ever acknowledged.
    func isWith(_ nodes: [NodeID]) throws(OfficeError) -> Bool {
        guard let known = try lead(), let standby = known.standby else { return false }
        return !known.isBehind && nodes.contains(standby)
    }

    func follower() throws(OfficeError) -> FollowerRecord? { try read("standby-follower.json") }
    func write(_ record: FollowerRecord) throws(OfficeError) { try write(record, "standby-follower.json") }
    func witness() throws(OfficeError) -> WitnessRecord? { try read("standby-witness.json") }
    func write(_ record: WitnessRecord) throws(OfficeError) { try write(record, "standby-witness.json") }

    private func read<Record: Codable>(_ name: String) throws(OfficeError) -> Record? {
        let (folder, path) = (try Folder(at: Array(stateDirectory.utf8)), try RelativePath(parsing: name))
        let bytes: [UInt8]
        do throws(OfficeError) {
            bytes = try folder.read(path, limit: Self.longest)
        } catch  where error.code == .notFound {
            return nil
        }
        do {
            let kept = try JSONDecoder().decode(Kept<Record>.self, from: Data(bytes))
            return kept.office == office.withLockedValue { $0 } ? kept.record : nil
        } catch {
            throw OfficeError(
                .io, "\(stateDirectory)/\(name)", "it is damaged",
                mend: "Take it away: what it says is then taken to be unknown.")
        }
    }

    private func write(_ record: some Codable, _ name: String) throws(OfficeError) {
        guard let office = office.withLockedValue({ $0 }) else { throw OfficeKeeper.inNone }
        let bytes: Data
        do {
            bytes = try JSONEncoder().encode(Kept(office: office, record: record))
        } catch {
            throw OfficeError(.fault, name, "it can't be written")
        }
        try Folder(at: Array(stateDirectory.utf8)).write(Array(bytes), to: try RelativePath(parsing: name))
    }
}
