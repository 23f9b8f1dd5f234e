import OfficeControl
import OfficeCore
import OfficeFolders

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif
#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Gives the service access to shared folders, and takes it back: as the caller, for only a folder's owner may.
struct ServiceAccess: Sendable {
    /// What this node shares already, with the records of what was given for it.
    let shares: [ShareModel]
    /// nil where none is needed: the service is root, or the caller itself.
    private let grant: FolderGrant?

    /// Asks the daemon whom to give access to.
    init(_ session: Session) async throws {
        let service: ServiceModel = try await session.client.get("/v1/service")
        shares = try await session.client.get("/v1/shares?grants=1")
        let isNeeded = service.userID != 0 && service.userID != geteuid()
        grant = isNeeded ? FolderGrant(service: service.userID) : nil
    }

    func share(named name: String) -> ShareModel? { shares.first { Array($0.name.utf8) == Array(name.utf8) } }

    /// What was given, and how to undo it where the daemon then refuses.
    struct Given: Sendable {
        /// For the daemon to keep with the share.
        let record: String?
        let changes: [GrantChange]
        let undo: @Sendable () throws -> Void
    }

    /// Gives the access that a share needs; `name` is the share's, so that an earlier grant for it is gone on from.
    func give(to path: [UInt8], name: String, writable: Bool) async throws -> Given {
        guard let grant else { return Given(record: nil, changes: [], undo: {}) }
        let previous = share(named: name).flatMap(Self.record)
        let others = records(exceptOf: name)
        return try await blocking {
            let outcome = try grant.apply(
                to: path, access: writable ? .readWrite : .readOnly, previous: previous, others: others)
            let record = String(decoding: try JSONText.encode(outcome.record), as: UTF8.self)
            return Given(record: record, changes: outcome.changes) {
                guard !outcome.changes.isEmpty else { return }
                if let previous {
                    _ = try grant.apply(to: path, access: previous.access, previous: outcome.record, others: others)
                } else {
                    _ = try grant.takeBack(outcome.record, others: others)
                }
            }
        }
    }

    /// Takes back what was given for a share that is no more.
    func takeBack(_ share: ShareModel) async throws -> [GrantChange] {
        guard let record = Self.record(of: share) else { return [] }
        let others = records(exceptOf: share.name)
        return try await blocking { try FolderGrant(service: record.service).takeBack(record, others: others) }
    }

    private func records(exceptOf name: String) -> [GrantRecord] {
        shares.filter { Array($0.name.utf8) != Array(name.utf8) }.compactMap(Self.record)
    }

    private static func record(of share: ShareModel) -> GrantRecord? {
        share.grant.flatMap { try? JSONDecoder().decode(GrantRecord.self, from: Data($0.utf8)) }
    }
}
