extension Space {
    /// Nodes, by the first halves of their ids, whose people hold locks here.
    package var lockingNodes: Set<String> {
        (try? locked { (state) -> Set<String> in state.locks.nodes(now: .now) }) ?? []
    }

    /// Ends the locks of a node's people: it isn't there, and nobody else can let go of them.
    package func releaseLocks(of node: String) { try? locked { state in state.locks.release(allOf: node) } }
}
