package import OfficeCore

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// What the values of a list are.
enum ListItem: Sendable {
    /// An address of this machine.
    case address
    /// Another node: see `PeerAddress`.
    case peer
    /// The name of a network interface, with `*` and `?` for what varies.
    case interfacePattern
    /// Somebody who may send files here.
    case sender
    /// See `LimitPeriod`.
    case limitPeriod

    var allowed: String {
        switch self {
        case .address: "IPv4 or IPv6 addresses"
        case .peer: "nodes, each as HOST, HOST:PORT or [ADDRESS]:PORT"
        case .sender: "senders, each as ask, members, NODE or USER@NODE"
        case .interfacePattern: "interface names, '*' and '?' standing for what varies"
        case .limitPeriod: "times of the day with a limit, each as 'HH:MM-HH:MM BYTES'"
        }
    }

    /// Why `text` is none of them, or nil.
    func fault(in text: String) -> String? {
        switch self {
        case .address:
            return isIPv4(text) || isIPv6(text) ? nil : "\(quoted(text)) is not an address"
        case .peer:
            do {
                _ = try PeerAddress(parsing: text)
                return nil
            } catch { return error.why }
        case .sender:
            // Who they are is known only in an office: here it is whether anybody could be called so.
            let node = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
            let isID = node.last.map { $0.utf8.count == 64 && hexDecoded($0) != nil } ?? false
            let isNamed = node.allSatisfy { (try? Label(String($0))) != nil }
            return isNamed || isID && node.count == 1 ? nil : "\(quoted(text)) is nobody's name"
        case .limitPeriod:
            do {
                _ = try LimitPeriod(parsing: text)
                return nil
            } catch { return error.why }
        case .interfacePattern:
            // IFNAMSIZ leaves a name 15 bytes; a pattern has some room for its wildcards.
            let possible = (1...32).contains(text.utf8.count) && text.utf8.allSatisfy { (0x21..<0x7F).contains($0) }
            return possible && !text.contains("/") ? nil : "\(quoted(text)) is not the name of an interface"
        }
    }
}

/// Where another node may be found: `HOST`, `HOST:PORT` or `[ADDRESS]:PORT`.
package struct PeerAddress: Sendable, Hashable {
    /// A DNS name, an IPv4 address, or an IPv6 address without its brackets.
    package let host: String
    /// nil: officeshare's own.
    package let port: UInt16?

    package init(parsing text: String) throws(OfficeError) {
        func refusal(_ why: String) -> OfficeError {
            OfficeError(.malformed, text.escapedForTerminal, why, mend: "Write HOST, HOST:PORT or [ADDRESS]:PORT.")
        }
        let (host, rest): (Substring, Substring)
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { throw refusal("\(quoted(text)) lacks its ']'") }
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
            guard isIPv6(String(host)) else { throw refusal("\(quoted(String(host))) is not an IPv6 address") }
        } else {
            guard !isIPv6(text) else { throw refusal("the IPv6 address \(quoted(text)) needs brackets around it") }
            host = text.prefix { $0 != ":" }
            rest = text.dropFirst(host.count)
            guard isHostName(host) else { throw refusal("\(quoted(String(host))) is not the name of a host") }
        }
        self.host = String(host)
        guard !rest.isEmpty else {
            port = nil
            return
        }
        guard rest.first == ":", let number = UInt16(rest.dropFirst()), number > 0 else {
            throw refusal("\(quoted(String(rest))) is not a port")
        }
        port = number
    }
}

/// Letters, digits, `-`, `_` and dots, at most 253 of them, no part of it empty or longer than 63 (RFC 1123, 2.1).
private func isHostName(_ text: Substring) -> Bool {
    let name = text.hasSuffix(".") ? text.dropLast() : text
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    return name.utf8.count <= 253
        && parts.allSatisfy { part in
            (1...63).contains(part.utf8.count) && part.first != "-"
                && part.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-" || $0 == "_") }
        }
}

private func isIPv4(_ text: String) -> Bool {
    var address = in_addr()
    return !text.utf8.contains(0) && inet_pton(AF_INET, text, &address) == 1
}

private func isIPv6(_ text: String) -> Bool {
    var address = in6_addr()
    return !text.utf8.contains(0) && inet_pton(AF_INET6, text, &address) == 1
}
