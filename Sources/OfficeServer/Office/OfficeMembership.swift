import NIOCore
import OfficeControl
import OfficeCore
import OfficeTrust

// What the rest of the daemon asks the keeper: who is who, by today's log.

extension OfficeKeeper {
    /// This node's name: the one the office knows it by, else the configured one, else the host's.
    var ownName: Label { state?.members[identity.id]?.name ?? wishedName }

    var isMember: Bool { state != nil }

    func otherMembers() -> Set<NodeID> {
        guard let state else { return [] }
        return Set(state.members.keys).subtracting([identity.id])
    }

    func isOtherMember(_ node: NodeID) -> Bool { node != identity.id && state?.members[node] != nil }

    /// The node of that name; this node answers to its own, in an office or not.
    func node(named name: Label) -> NodeID? {
        if name == ownName { return identity.id }
        return state?.members.first { $0.value.name == name }?.key
    }

    func name(of node: NodeID) -> String {
        if let log, log.office.asOwner == node { return Label.office }
        return log?.state.members[node]?.name.description ?? node.short
    }

    /// A local caller as access lists know it.
    func principal(of caller: LocalCaller) -> Principal? {
        (try? UserName(caller.userName)).map { Principal(node: identity.id, user: $0) }
    }

    func problems() -> [StatusModel.Problem] {
        guard let state = log?.state else { return [] }
        var problems: [StatusModel.Problem] = []
        if !isMember {
            problems.append(
                .init(
                    what: state.name.description, why: "this node was removed from the office",
                    mend: "Ask an admin for an invitation and join with 'officeshare office join CODE'."))
        }
        if state.wantsUpgrade {
            problems.append(
                .init(
                    what: state.name.description, why: "the office log has entries of a kind this version doesn't know",
                    mend: "Upgrade officeshare on this node."))
        }
        return problems
    }
}
