import NIOCore
import OfficeCore

/// Where to knock: a numeric address (with `%interface` where it is link-local) or a host name, and a port.
struct Endpoint: Hashable, Sendable, Codable, CustomStringConvertible {
    /// The members' port, where nothing else is said.
    static let defaultPort: UInt16 = 8747

    var host: String
    var port: UInt16

    init(host: String, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// `HOST`, `HOST:PORT`, `ADDRESS`, `[ADDRESS]` or `[ADDRESS]:PORT`.
    init(parsing text: String, defaultPort: UInt16) throws(OfficeError) {
        let bad = OfficeError(
            .malformed, text.escapedForTerminal, "it is no address", mend: "Write HOST, HOST:PORT or [ADDRESS]:PORT.")
        guard !text.isEmpty, text.utf8.count <= 255, text.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { throw bad }
        var host = text[...]
        var portText: Substring?
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw bad }
            host = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            guard rest.isEmpty || rest.hasPrefix(":") else { throw bad }
            if !rest.isEmpty { portText = rest.dropFirst() }
        } else if let colon = text.firstIndex(of: ":"), text[text.index(after: colon)...].firstIndex(of: ":") == nil {
            host = text[..<colon]
            portText = text[text.index(after: colon)...]
        }
        guard !host.isEmpty else { throw bad }
        if let portText {
            guard let port = UInt16(portText), port > 0 else { throw bad }
            self.init(host: String(host), port: port)
        } else {
            self.init(host: String(host), port: defaultPort)
        }
    }

    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// The socket addresses it stands for. Blocks while a name is looked up: not on an event loop.
    func resolved() throws -> SocketAddress {
        if let numeric = try? SocketAddress(ipAddress: host, port: Int(port)) { return numeric }
        return try SocketAddress.makeAddressResolvingHost(host, port: Int(port))
    }
}

extension SocketAddress {
    /// The address alone, as `Endpoint.host` has it; an IPv4 address in IPv6's clothes as IPv4.
    var bareHost: String? {
        guard let text = ipAddress else { return nil }
        let mapped = "::ffff:"
        if text.hasPrefix(mapped), text.contains(".") { return String(text.dropFirst(mapped.count)) }
        guard text.hasPrefix("fe80:"), !text.contains("%") else { return text }
        let scope = withSockAddr { address, length in InterfaceName.scope(of: address, length: length) }
        return InterfaceName.of(index: scope).map { "\(text)%\($0)" } ?? text
    }
}
