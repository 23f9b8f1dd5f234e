import CLinux
import OfficePrinting
import OfficeTrust

/// Who calls over TCP from this machine: the owner of the socket at the other end, as the kernel tells it.
struct LoopbackCaller: CountedCaller, Hashable {
    /// The user that Debian's cupsd runs its backends as.
    static let backendUser = "lp"

    let userID: UInt32
    let caller: EndpointCaller
    /// Root alone: over TCP the kernel tells no groups.
    var manages: Bool { userID == 0 }

    /// nil where the kernel doesn't tell, or nobody holds the other end any more.
    init?(ofSocket descriptor: CInt, speakers: Set<UInt32>) {
        var owner: uid_t = 0
        guard os_tcp_peer_owner(descriptor, &owner) == 0 else { return nil }
        userID = owner
        caller = EndpointCaller(
            account: UserName(salvaging: Account.userName(of: owner) ?? String(owner)),
            speaksForOthers: speakers.contains(owner), isBackend: speakers.contains(owner) && owner != 0)
    }

    /// Whose `requesting-user-name` is believed: root's and the local cupsd's.
    static func speakers() -> Set<UInt32> { Set([0] + [Account.userID(named: backendUser)].compactMap { $0 }) }
}
