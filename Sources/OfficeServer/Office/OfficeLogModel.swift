import OfficeControl
import OfficeCore
import OfficeTrust

extension OfficeKeeper {
    /// `officeshare office log`: every entry in the agreed order, void ones with their reason.
    func logModel(verifying: Bool) throws -> [LogEntryModel] {
        guard let log else { throw Self.inNone }
        if verifying { try log.verify() }
        let state = log.state
        return log.orderedEntries.map { number, entry in
            var details = entry.act.details(names: state)
            if let reason = state.voided[entry.hash] { details["void"] = reason.description }
            return LogEntryModel(
                number: number, kind: entry.act.kind, author: state.displayName(of: entry.author), time: entry.time,
                hash: entry.hash.description, follows: entry.follows.map(\.description), details: details)
        }
    }
}

extension LogAct {
    /// An entry's own values, for people: names where they are known beside ids that stay.
    fileprivate func details(names state: OfficeState) -> [String: String] {
        switch self {
        case .found(let office, let founder, _):
            ["office": office.description, "node": founder.node.description, "name": founder.name.description]
        case .admit(let admission), .recover(let admission):
            ["node": admission.node.description, "name": admission.name.description]
        case .remove(let node), .grant(let node), .revoke(let node):
            ["node": node.description, "name": state.displayName(of: node)]
        case .rename(let node, let name): ["node": node.description, "name": name.description]
        case .server(let setting):
            [
                "epoch": String(setting.epoch),
                "nodes": setting.nodes.map(state.displayName(of:)).joined(separator: ", "),
                "standby": setting.standby.map(state.displayName(of:)).joined(separator: ", "),
                "store": escapedForTerminal(setting.store),
            ]
        case .leave, .unknown: [:]
        }
    }
}
