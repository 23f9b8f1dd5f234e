package import OfficeCore

/// The name of a local user, or of an account on the file server: 1 to 64 bytes of UTF-8 without control
/// characters, white space, '@', '/' and ':', not beginning with '-' or '.'. Compared byte by byte.
package struct UserName: Hashable, Sendable, Comparable, CustomStringConvertible, Codable {
    package static let maximumLength = 64
    private let utf8: [UInt8]

    package init(_ text: String) throws(OfficeError) {
        func refusal(_ why: String) -> OfficeError { OfficeError(.malformed, text.escapedForTerminal, why) }
        guard (1...Self.maximumLength).contains(text.utf8.count) else {
            throw refusal("a user's name has 1 to \(Self.maximumLength) bytes")
        }
        // What a label can't have (control characters, invisible marks, '@', '/', ':'), a user's name can't either.
        for scalar in text.unicodeScalars where scalar.properties.isWhitespace {
            throw refusal("a user's name can't have white space in it")
        }
        do throws(OfficeError) {
            _ = try text.utf8.count <= Label.maximumLength ? Label(text) : Self.checkLong(text)
        } catch {
            throw refusal("it can't be a user's name")
        }
        utf8 = Array(text.utf8)
    }

    /// One byte longer than a label can be: its two overlapping parts are checked.
    private static func checkLong(_ text: String) throws(OfficeError) -> Label {
        var head = text.unicodeScalars
        head.removeLast()
        _ = try Label(String(head))
        guard let last = text.unicodeScalars.last else { return try Label(text) }
        return try Label("x" + String(last))
    }

    package var description: String { String(decoding: utf8, as: UTF8.self) }
    package static func < (a: UserName, b: UserName) -> Bool { a.utf8.lexicographicallyPrecedes(b.utf8) }

    package init(from decoder: any Decoder) throws {
        try self.init(try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}

/// Who makes a request: a user, on a node that its key proved. The user's name is the node's word.
package struct Principal: Hashable, Sendable {
    package var node: NodeID
    package var user: UserName

    package init(node: NodeID, user: UserName) {
        self.node = node
        self.user = user
    }
}

/// One who may use a share, by ids: a name that is used again inherits nothing.
package enum Grant: Hashable, Sendable, Comparable {
    /// Everyone of the office.
    case office
    /// All users of a node.
    case node(NodeID)
    case user(UserName, NodeID)
    /// Somebody without a node, known to the file server.
    case account(UserName)

    private static let accountPrefix = "user:"

    /// As people write it: `office`, `NODE`, `USER@NODE`, `user:NAME`, where NODE is the name a member shows under
    /// (or its whole id). Throws `.notFound` for a node that is no member, `.malformed` for what is none of these.
    package static func parse(_ text: String, in state: OfficeState) throws(OfficeError) -> Grant {
        if text == Label.office { return .office }
        if text.hasPrefix(accountPrefix) { return .account(try UserName(String(text.dropFirst(accountPrefix.count)))) }
        guard let at = text.firstIndex(of: "@") else { return .node(try node(text, in: state)) }
        let user = try UserName(String(text[..<at]))
        return .user(user, try node(String(text[text.index(after: at)...]), in: state))
    }

    private static func node(_ text: String, in state: OfficeState) throws(OfficeError) -> NodeID {
        // An id has 64 characters, a name at most 63 bytes: neither can be taken for the other.
        if text.utf8.count == 2 * Digest256.byteCount, let id = try? NodeID(hex: text) {
            if state.members[id] != nil || state.former[id] != nil { return id }
        } else if let member = state.member(named: try Label(text)) {
            return member.id
        }
        throw OfficeError(
            .notFound, text.escapedForTerminal, "no node of the office has this name",
            mend: "'officeshare office members' shows who is in.")
    }

    /// As people read it: by the names that members show under now; by its id who is no member any more.
    package func display(in state: OfficeState) -> String {
        func name(_ node: NodeID) -> String { state.members[node]?.name.description ?? node.description }
        return switch self {
        case .office: Label.office
        case .node(let node): name(node)
        case .user(let user, let node): "\(user)@\(name(node))"
        case .account(let user): Self.accountPrefix + user.description
        }
    }

    /// As it is kept: `office`, `ID`, `USER@ID`, `user:NAME`.
    package var stored: String {
        switch self {
        case .office: Label.office
        case .node(let node): node.description
        case .user(let user, let node): "\(user)@\(node)"
        case .account(let user): Self.accountPrefix + user.description
        }
    }

    /// Reads what `stored` wrote.
    package init(stored text: String) throws(OfficeError) {
        if text == Label.office {
            self = .office
        } else if text.hasPrefix(Self.accountPrefix) {
            self = .account(try UserName(String(text.dropFirst(Self.accountPrefix.count))))
        } else if let at = text.firstIndex(of: "@") {
            let user = try UserName(String(text[..<at]))
            self = .user(user, try NodeID(hex: text[text.index(after: at)...]))
        } else {
            self = .node(try NodeID(hex: text))
        }
    }

    package static func < (a: Grant, b: Grant) -> Bool { Array(a.stored.utf8).lexicographicallyPrecedes(b.stored.utf8) }
}

extension Grant: Codable {
    package init(from decoder: any Decoder) throws {
        try self.init(stored: try decoder.singleValueContainer().decode(String.self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(stored)
    }
}

/// Who may use a share. An empty list allows nobody.
///
/// It says who is meant, not who is in: that a principal's node is a member has to be known before.
package struct AccessList: Hashable, Sendable, Codable {
    package static let limit = 1024
    package private(set) var grants: Set<Grant>

    package static let everyone = AccessList(grants: [.office])

    private init(grants: Set<Grant>) { self.grants = grants }

    /// Throws `.limit` for more grants than a list can have.
    package init(_ grants: some Sequence<Grant>) throws(OfficeError) {
        self.grants = Set(grants)
        guard self.grants.count <= Self.limit else {
            throw OfficeError(
                .limit, "the access list", "it has \(self.grants.count) grants, at most \(Self.limit) are possible")
        }
    }

    package func allows(_ principal: Principal) -> Bool {
        grants.contains(.office) || grants.contains(.node(principal.node))
            || grants.contains(.user(principal.user, principal.node))
    }

    /// Whether somebody without a node, known to the file server by a password, may use it.
    package func allows(account: UserName) -> Bool { grants.contains(.office) || grants.contains(.account(account)) }

    /// For people, in order: the office first, then by name.
    package func display(in state: OfficeState) -> [String] {
        let names = grants.map { $0.display(in: state) }
        return names.filter { $0 == Label.office } + names.filter { $0 != Label.office }.sorted()
    }

    package init(from decoder: any Decoder) throws {
        try self.init(try decoder.singleValueContainer().decode([Grant].self))
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(grants.sorted())
    }
}
