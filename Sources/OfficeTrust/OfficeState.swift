package import OfficeCore

/// Why the fold gives an entry no effect.
package enum VoidReason: Hashable, Sendable, CustomStringConvertible {
    /// Its author was no admin in what the entry follows.
    case notAdmin
    /// Its author was no member in what the entry follows.
    case notMember
    /// This entry took its author's right away, and had not seen it.
    case struck(by: EntryHash)
    /// It and others put each other out, no other admin would have remained, and whom it names is the senior.
    case seniorStays
    /// Too many strikes hung on each other to be decided one after the other, and all of them together would
    /// have left no admin.
    case tangled
    /// It would have left the office without an admin.
    case lastAdmin
    /// It makes a node an admin that was no member.
    case unknownNode
    /// The recovery key does nothing but make a node an admin.
    case recoveryKey

    package var description: String {
        switch self {
        case .notAdmin: "its author was not an admin"
        case .notMember: "its author was not a member"
        case .struck(let by): "entry \(by.short) removed its author without having seen it"
        case .seniorStays: "the admins removed each other, and the senior stays"
        case .tangled: "too many admins removed each other at once, and all of them stay"
        case .lastAdmin: "it would leave the office without an admin"
        case .unknownNode: "the node it makes an admin was not a member"
        case .recoveryKey: "the recovery key only makes a node an admin"
        }
    }
}

/// What the office log says, once folded: who is in, who may change it, where the file server runs.
package struct OfficeState: Sendable, Equatable {
    package let office: OfficeID
    package let name: Label
    /// The public half of the recovery key: an admin senior to all, that is no node.
    package let recoveryKey: NodeKey
    /// Everybody who is in.
    package private(set) var members: [NodeID: Member] = [:]
    /// Who was in and is no longer.
    package private(set) var former: [NodeID: FormerMember] = [:]
    /// The file server at the highest epoch; nil where none was ever named, or the last setting names no node.
    package private(set) var fileServer: FileServer?
    /// Whether members wrote entries that only a newer officeshare understands.
    package private(set) var wantsUpgrade = false
    /// Entries without effect, with the reason.
    package private(set) var voided: [EntryHash: VoidReason] = [:]

    package struct Member: Sendable, Equatable {
        package let key: NodeKey
        /// Unique in the office: the later of two that were given the same shows as NAME-2.
        package internal(set) var name: Label
        /// As it was given.
        package internal(set) var givenName: Label
        package internal(set) var isAdmin: Bool
        /// The entry that let it in.
        package internal(set) var admittedBy: EntryHash
        package var id: NodeID { key.id }
    }

    package struct FormerMember: Sendable, Equatable {
        package let key: NodeKey
        /// The name it was given last; others can have it now.
        package let givenName: Label
        /// The removals or the leave that ended it, oldest first.
        package let endedBy: [EntryHash]
        package var id: NodeID { key.id }
    }

    package struct FileServer: Sendable, Equatable {
        package let setting: FileServerSetting
        package let entry: EntryHash
    }

    /// The nodes whose signature may change the log; the recovery key is besides.
    package var admins: Set<NodeID> { Set(members.values.filter(\.isAdmin).map(\.id)) }

    package func isAdmin(_ node: NodeID) -> Bool { members[node]?.isAdmin ?? false }

    /// The member that shows under a name.
    package func member(named name: Label) -> Member? { members.values.first { $0.name == name } }

    /// Who wrote an entry, for people: the member's name, the former member's, `recovery`, or an id.
    package func displayName(of author: NodeID) -> String {
        if author == recoveryKey.id { return "recovery" }
        return members[author]?.name.description ?? former[author]?.givenName.description ?? author.description
    }

    // MARK: What the fold keeps of every node that was ever let in

    struct NodeRecord: Sendable, Equatable {
        let key: NodeKey
        var givenName: Label
        /// The place in the agreed order of the entry that gave the name.
        var namedAt: Int
        var admittedBy: EntryHash
        var isMember: Bool
        var endedBy: [EntryHash]
        /// nil: no admin.
        var seniority: Seniority?
    }

    var nodes: [NodeID: NodeRecord]
    private(set) var adminCount = 1

    /// The state after the first entry.
    init?(founding entry: LogEntry) {
        guard case .found(let office, let founder, let recovery) = entry.act else { return nil }
        self.office = OfficeID(entry.hash.digest)
        name = office
        recoveryKey = recovery
        nodes = [
            founder.node: NodeRecord(
                key: founder.key, givenName: founder.name, namedAt: 0, admittedBy: entry.hash, isMember: true,
                endedBy: [], seniority: .granted(at: 0))
        ]
    }

    mutating func setAdminCount(_ count: Int) { adminCount = count }

    /// Notes an admission; false where the node was never known before, and so has its name from it.
    mutating func admit(_ admission: Admission, by entry: EntryHash, place: Int) -> Bool {
        guard nodes[admission.node] == nil else {
            nodes[admission.node]?.admittedBy = entry
            return true
        }
        nodes[admission.node] = NodeRecord(
            key: admission.key, givenName: admission.name, namedAt: place, admittedBy: entry, isMember: false,
            endedBy: [], seniority: nil)
        return false
    }

    /// Gives a node a name, if it was ever let in.
    mutating func name(_ node: NodeID, _ name: Label, place: Int) {
        nodes[node]?.givenName = name
        nodes[node]?.namedAt = place
    }

    mutating func void(_ entry: EntryHash, _ reason: VoidReason) { voided[entry] = reason }

    mutating func noteUnknownKind() { wantsUpgrade = true }

    /// Of two settings the higher epoch counts, then the lower first node, then the lower entry.
    mutating func set(_ setting: FileServerSetting, by entry: EntryHash) {
        guard let latest = latestSetting else {
            latestSetting = FileServer(setting: setting, entry: entry)
            return
        }
        if setting.epoch != latest.setting.epoch {
            guard setting.epoch > latest.setting.epoch else { return }
        } else {
            let order = (setting.nodes.first?.description ?? "", entry.description)
            guard order < (latest.setting.nodes.first?.description ?? "", latest.entry.description) else { return }
        }
        latestSetting = FileServer(setting: setting, entry: entry)
    }

    private var latestSetting: FileServer?

    /// The epoch of the next file server setting.
    package var nextEpoch: Int64 { (latestSetting?.setting.epoch ?? 0) + 1 }

    /// Makes what is shown from what is kept, once all entries are in.
    mutating func finish() {
        fileServer = latestSetting.flatMap { $0.setting.nodes.isEmpty ? nil : $0 }
        members = [:]
        former = [:]
        var taken: Set<Label> = []
        for (id, node) in nodes.sorted(by: { ($0.value.namedAt, $0.key) < ($1.value.namedAt, $1.key) }) {
            guard node.isMember else {
                former[id] = FormerMember(key: node.key, givenName: node.givenName, endedBy: node.endedBy)
                continue
            }
            let name = ShownName.unique(node.givenName, taken: taken)
            taken.insert(name)
            members[id] = Member(
                key: node.key, name: name, givenName: node.givenName, isAdmin: node.seniority != nil,
                admittedBy: node.admittedBy)
        }
    }
}

/// Which of two admins is the senior: who the recovery key made an admin (the latest of these), then who was
/// granted it earlier in the agreed order.
enum Seniority: Comparable, Sendable {
    case recovered(at: Int)
    case granted(at: Int)

    /// The senior comes first.
    static func < (a: Seniority, b: Seniority) -> Bool {
        switch (a, b) {
        case (.recovered(let a), .recovered(let b)): a > b
        case (.recovered, .granted): true
        case (.granted, .recovered): false
        case (.granted(let a), .granted(let b)): a < b
        }
    }
}

enum ShownName {
    /// `name`, or the first of NAME-2, NAME-3 … that is free. `office` is taken from the start.
    static func unique(_ name: Label, taken: Set<Label>) -> Label {
        if !taken.contains(name) && name.description != Label.office { return name }
        var number = 2
        while true {
            if let candidate = numbered(name, number), !taken.contains(candidate) { return candidate }
            number += 1
        }
    }

    /// The name shortened, by whole characters, until the number fits behind it.
    private static func numbered(_ name: Label, _ number: Int) -> Label? {
        let suffix = "-\(number)"
        var scalars = Array(name.description.unicodeScalars)
        while scalars.reduce(0, { $0 + UTF8.width($1) }) + suffix.utf8.count > Label.maximumLength {
            scalars.removeLast()
        }
        var text = ""
        text.unicodeScalars.append(contentsOf: scalars)
        return try? Label(text + suffix)
    }
}
