import Crypto
import Foundation
import OfficeCore
import Testing

@testable import OfficeTrust

/// An office of a few nodes, for tests that say what happens by names.
struct TestOffice {
    static let time = Timestamp(seconds: 1_760_000_000)

    var log: OfficeLog
    let recovery: RecoveryKey
    private var identities: [String: NodeIdentity] = [:]

    /// Founded by `founder`; `members` are admitted by it, `admins` also granted, in that order.
    init(founder: String = "pc1", admins: [String] = [], members: [String] = []) throws {
        let identity = try NodeIdentity()
        (log, recovery) = try OfficeLog.found(
            name: Label("Acme"), identity: identity, nodeName: Label(founder), time: Self.time)
        identities[founder] = identity
        for name in admins {
            try admit(name, by: founder)
            let node = try id(name)
            try insert { try $0.granting(node, by: identity, time: Self.time) }
        }
        for name in members { try admit(name, by: founder) }
    }

    /// A node's identity, made when it is first named.
    mutating func identity(_ name: String) throws -> NodeIdentity {
        if let identity = identities[name] { return identity }
        let identity = try NodeIdentity()
        identities[name] = identity
        return identity
    }

    func id(_ name: String) throws -> NodeID { try #require(identities[name]).id }
    func node(_ name: String) throws -> NodeIdentity { try #require(identities[name]) }

    /// What the office's names look like now.
    var members: Set<String> { Set(log.state.members.values.map(\.name.description)) }
    var admins: Set<String> { Set(log.state.members.values.filter(\.isAdmin).map(\.name.description)) }

    mutating func admit(_ name: String, by admin: String) throws {
        let key = try identity(name).key
        let author = try node(admin)
        try insert { try $0.admitting(key, name: Label(name), by: author, time: Self.time) }
    }

    mutating func insert(_ build: (OfficeLog) throws -> LogEntry) throws {
        let insertion = log.insert([try build(log)])
        try #require(insertion.accepted.count == 1)
    }

    /// An entry written without asking the builders, signed all the same: what a hostile node does.
    func forge(_ act: LogAct, by author: String, follows: [EntryHash]? = nil) throws -> LogEntry {
        try LogEntry.sealing(
            act, office: log.office, follows: follows ?? log.heads, time: Self.time, key: node(author).privateKey)
    }
}

/// A directory of the test's own, gone with it.
final class TemporaryDirectory {
    let path: String

    init() throws {
        path = NSTemporaryDirectory() + "officeshare-test-" + UUID().uuidString
        try FileManager.default.createDirectory(
            atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }
}

/// splitmix64: the same numbers from the same seed on every machine.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

/// The code of the error that a piece of work throws; nil where it throws none, or another error.
func code(_ work: () throws -> some Any) -> OfficeError.Code? {
    do {
        _ = try work()
        return nil
    } catch { return (error as? OfficeError)?.code }
}
