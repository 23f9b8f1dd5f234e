import OfficeCore
import OfficeTrust

// Whose a share or a space is, and who answers for it now.

extension OfficeID {
    /// The office itself where an owner's id stands: it owns the spaces, whatever node serves them today. No key has
    /// this id, for it is the hash of the log's first entry.
    var asOwner: NodeID { NodeID(digest) }
}

extension OfficeKeeper {
    /// Whose shares are named so: a node's, or for `office` the office's own, its spaces.
    func owner(named name: Label) -> NodeID? {
        guard name.description == Label.office else { return node(named: name) }
        return state?.office.asOwner
    }

    func isOffice(_ owner: NodeID) -> Bool { state?.office.asOwner == owner }

    /// The node that answers for an owner now: itself, or for the office its file server; nil where there is none.
    func answering(for owner: NodeID) -> NodeID? {
        guard isOffice(owner) else { return owner }
        let nodes = state?.fileServer?.setting.nodes ?? []
        return preferredServer.flatMap { nodes.contains($0) ? $0 : nil } ?? nodes.first
    }

    /// Of the nodes that serve the store one that is there.
    func prefer(_ server: NodeID?) { preferredServer = server }

    func isFileServer(_ node: NodeID) -> Bool { state?.fileServer?.setting.nodes.contains(node) == true }

    /// The file server's epoch, as this node's log has it.
    var epoch: Int64 { state?.fileServer?.setting.epoch ?? 0 }
}
