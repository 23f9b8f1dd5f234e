import OfficeCore

#if canImport(Glibc)
    import Glibc
#endif

/// HTTP byte by byte, to a port of this machine: what no client library would send. Blocks, for at most five seconds
/// a call.
final class RawHTTP {
    private let descriptor: Int32

    init(port: Int, six: Bool = false) throws {
        descriptor = socket(six ? AF_INET6 : AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        var patience = timeval(tv_sec: 5, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &patience, socklen_t(MemoryLayout<timeval>.size))
        let status: Int32
        if six {
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = in_port_t(port).bigEndian
            address.sin6_addr = in6addr_loopback
            status = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        } else {
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = in_port_t(port).bigEndian
            address.sin_addr.s_addr = in_addr_t(0x7F00_0001).bigEndian
            status = withUnsafePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        }
        guard status == 0 else { throw OfficeError(.unavailable, "port \(port)", String(cString: strerror(errno))) }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw OfficeError(.io, "connection", String(cString: strerror(errno))) }
            rest = rest.dropFirst(count)
        }
    }

    func send(_ text: String) throws { try send(Array(text.utf8)) }

    /// No more will be sent.
    func finish() { shutdown(descriptor, Int32(SHUT_WR)) }

    /// What comes until the answer's head is whole, or the connection ends.
    func head() throws -> String {
        String(decoding: try read { $0.suffix(4) == Array("\r\n\r\n".utf8) }, as: UTF8.self)
    }

    /// What comes until the connection ends.
    func rest() throws -> [UInt8] { try read { _ in false } }

    private func read(until isWhole: ([UInt8]) -> Bool) throws -> [UInt8] {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while !isWhole(bytes) {
            let count = recv(descriptor, &byte, 1, 0)
            if count == 0 || (count < 0 && errno == ECONNRESET) { break }
            guard count > 0 else { throw OfficeError(.temporary, "connection", "nothing came for 5 s") }
            bytes.append(byte)
        }
        return bytes
    }

    /// The head of a POST to a printer.
    static func post(
        _ length: String, path: String = "/printers/pc1_laser", host: String = "localhost:8631",
        type: String = "application/ipp", more: String = ""
    ) -> String {
        "POST \(path) HTTP/1.1\r\nHost: \(host)\r\nContent-Type: \(type)\r\n\(length)\r\n\(more)Connection: close\r\n\r\n"
    }
}
