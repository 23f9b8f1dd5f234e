import OfficeCore
import OfficeTrust

// Access lists as people write and read them, in an office or in none.

extension AccessList {
    /// Principals as typed; none: the whole office.
    init(parsing texts: [String], in names: OfficeState?) throws(OfficeError) {
        guard !texts.isEmpty else {
            self = .everyone
            return
        }
        var grants: [Grant] = []
        for text in texts {
            if text == Label.office {
                grants.append(.office)
            } else if let names {
                grants.append(try Grant.parse(text, in: names))
            } else {
                throw OfficeError(
                    .notFound, text.escapedForTerminal,
                    "this node is in no office, so it knows no other principal than 'office'",
                    mend: "Join an office first, or leave --allow out.")
            }
        }
        try self.init(grants)
    }

    func displayed(in names: OfficeState?) -> [String] {
        names.map(display(in:)) ?? grants.sorted().map(\.stored)
    }

    /// Whom of a node's people the list lets in.
    enum Audience {
        case everyone
        case users(Set<String>)
    }

    func audience(on node: NodeID) -> Audience {
        var users: Set<String> = []
        for grant in grants {
            switch grant {
            case .office: return .everyone
            case .node(node): return .everyone
            case .user(let user, node): users.insert(user.description)
            case .node, .user, .account: continue
            }
        }
        return .users(users)
    }
}

extension JoinCode {
    /// Whether a node whose announced id begins so could have made the code: a hint where to knock first.
    func mayBeFrom(prefix: String) -> Bool {
        guard let bytes = hexDecoded(prefix), bytes.count == 8 else { return false }
        // What the code holds of the id is longer than what is announced.
        guard let digest = Digest256(bytes + [UInt8](repeating: 0, count: 24)) else { return false }
        return sharesAnnouncedPrefix(with: NodeID(digest))
    }
}
