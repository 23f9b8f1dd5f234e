import ArgumentParser
import HTTPTypes
import OfficeControl
import OfficeCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

struct Promote: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "promote", abstract: "Make a node the office's file server.",
        discussion: """
            The office's own folders, its spaces, are in the store then: plain files in plain folders. Their paths begin \
            with 'office/' and stay the same wherever the file server is. Where another node is it, that hands over: it goes on serving \
            while its store is copied, and stands still for a moment at the end. Where a store's folder holds files already \
            and no node is the file server yet, they are taken in: each folder in it becomes a space where it lies, and loose \
            files a space 'files'. For an admin's machine.

            With --standby the node keeps a copy of all that, which has everything before it counts as written; when the \
            file server is lost, 'promote' of the standby goes on at once. Where the node has the file server's own store at that \
            path, by a distributed file system that both mount, it serves it together with the file server instead: once both have \
            tested that file system. 'promote' of one of them ends that.
            """)

    @Argument(help: "The node (default: this one).")
    var node: ByteString?

    @Option(
        help: ArgumentHelp(
            "Where the store is on that node (default: the service's own folder, /var/lib/officeshare/store).",
            valueName: "dir"))
    var store: ByteString?

    @Flag(help: "Keep a copy there that follows every write, and can take over at once.")
    var standby = false

    @Flag(help: "Go on without a file server that can't be reached, and without what only it has.")
    var force = false

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        var request = PromoteRequest(
            node: try node?.text("NODE"), store: nil, standby: standby, force: force)
        var given: ServiceAccess.Given?
        var made: [UInt8]?
        if let store {
            let service: ServiceModel = try await session.client.get("/v1/service")
            if request.node == nil || request.node == service.nodeName {
                let typed = try LocalPath(store)
                let folder = try await blocking { try Self.folder(typed) }
                let path = folder.path
                if folder.isNew { made = path }
                do {
                    given = try await ServiceAccess(session).give(to: path, name: "", writable: true)
                } catch {
                    Self.remove(made)
                    throw error
                }
                request.store = percentEncoded(path)
            } else {
                request.store = percentEncoded(store.bytes)
            }
        }
        let server: FileServerModel
        do {
            server = try await session.client.send(.post, "/v1/server", request)
        } catch {
            if let given { try? await blocking { try given.undo() } }
            Self.remove(made)
            throw error
        }
        for change in given?.changes ?? [] { session.notice("\(change).") }
        if !server.takenIn.isEmpty {
            let names = server.takenIn.map(\.escapedForTerminal).joined(separator: ", ")
            session.notice(
                "What the folder held is in the office now, as \(names). Nobody may use it yet: say who may with "
                    + "'officeshare space set NAME --allow PRINCIPAL'.")
        }
        if let behind = server.behind { session.notice(Self.text(behind, on: server.node ?? "-")) }
        try await session.show(server) {
            if server.nodes.count > 1 {
                let names = server.nodes.map(\.escapedForTerminal).joined(separator: " and ")
                return [
                    "\(names) serve the store in \((server.store ?? "-").escapedForTerminal) together now "
                        + "(epoch \(server.epoch))\(server.tested.map { ", on \($0.escapedForTerminal)" } ?? "")."
                ]
            }
            if standby, let standby = server.standby {
                return [
                    "\(standby.escapedForTerminal) is the file server's standby now (epoch \(server.epoch)). "
                        + "'officeshare status' shows whether it is in step."
                ]
            }
            return [
                "\((server.node ?? "-").escapedForTerminal) is the office's file server now (epoch \(server.epoch)), with "
                    + "its store in \((server.store ?? "-").escapedForTerminal)."
            ]
        }
    }

    /// `pc2's store is of epoch 8, 2 epochs before: what came after is brought in when pc3 is back.`
    private static func text(_ behind: FileServerModel.Behind, on node: String) -> String {
        let (node, server) = (node.escapedForTerminal, behind.server.escapedForTerminal)
        guard let epoch = behind.epoch else {
            return "\(node)'s store is new: what \(server) holds is brought in when \(server) is back."
        }
        return
            "\(node)'s store is of epoch \(epoch), \(HumanText.count(Int(behind.epochs), "epoch")) before: what came "
            + "after is brought in when \(server) is back."
    }

    /// Removes a folder that was made for nothing.
    private static func remove(_ folder: [UInt8]?) {
        guard let folder else { return }
        (folder + [0]).withUnsafeBytes { raw in
            if let path = raw.baseAddress { rmdir(path.assumingMemoryBound(to: CChar.self)) }
        }
    }

    /// The folder, made where it isn't there: its parent has to be.
    private static func folder(_ path: LocalPath) throws(OfficeError) -> (path: [UInt8], isNew: Bool) {
        let made = (path.bytes + [0]).withUnsafeBytes { raw in
            raw.baseAddress.map { mkdir($0.assumingMemoryBound(to: CChar.self), 0o750) }
        }
        if made != 0, errno != EEXIST {
            throw OfficeError(
                errno == ENOENT ? .notFound : errno == EACCES ? .notAllowed : .cannotCreate, path.description,
                "the folder can't be made (\(String(cString: strerror(errno))))")
        }
        return (try SharedFolder.absolutePath(of: path), made == 0)
    }
}

struct Demote: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "demote", abstract: "Have no file server any more.",
        discussion: "Its spaces stay where they are, as ordinary shares of the node. For an admin's machine.")

    @Flag(help: "Only have no standby any more.")
    var standby = false

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let none: Int? = nil
        let path = standby ? "/v1/server/standby" : "/v1/server"
        let server: FileServerModel = try await session.client.send(.delete, path, none)
        try await session.show(server) {
            standby
                ? ["The file server has no standby any more."]
                : [
                    "The office has no file server any more; what it held is in \((server.store ?? "-").escapedForTerminal)."
                ]
        }
    }
}
