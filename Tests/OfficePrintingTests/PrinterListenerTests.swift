import BoothDesk
import Foundation
import OfficeCore
import OfficeLab
import OfficePrinting
import OfficeTrust
import Testing

#if canImport(Glibc)
    import Glibc
#endif

/// The listener as a program, met by sockets.
@Suite("The printers' listener") struct PrinterListenerTests {
    private func printJob(user: String = "root") throws -> [UInt8] {
        try IPPCodec.encode(EndpointFixture.message(IPPOperation.printJob.rawValue, user: user))
    }

    private func ask(_ booth: Booth, _ text: String, _ body: [UInt8] = [], six: Bool = false) throws -> String {
        let http = try RawHTTP(port: booth.port, six: six)
        try http.send(Array(text.utf8) + body)
        return String(decoding: try http.rest(), as: UTF8.self)
    }

    @Test("Only this machine's own names are answered, only IPP is taken, only by POST, only at a printer")
    func refusals() async throws {
        try await Booth.with { booth in
            let message = try printJob() + Array("%PDF".utf8)
            let length = "Content-Length: \(message.count)"
            for host in [
                "evil.example", "evil.example:8631", "localhost.evil.example", "127.0.0.1.nip.io", "localhost:",
                "localhost:0",
                "127.0.0.2", "[::1", "::1", "user@localhost", "0x7f.1", "localhost:99999", "",
            ] {
                let answer = try ask(booth, RawHTTP.post(length, host: host), message)
                #expect(answer.hasPrefix("HTTP/1.1 4"), "\(host): \(answer.prefix(40))")
            }
            for host in ["localhost", "LOCALHOST:1", "127.0.0.1:8631", "[::1]:8631", "[::1]"] {
                let answer = try ask(booth, RawHTTP.post(length, host: host), message)
                #expect(answer.hasPrefix("HTTP/1.1 200 "), "\(host): \(answer.prefix(40))")
            }
            #expect(booth.records.count == 5)
            for type in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "application/ippx"] {
                #expect(try ask(booth, RawHTTP.post(length, type: type), message).hasPrefix("HTTP/1.1 415 "))
            }
            let gzip = RawHTTP.post(length, more: "Content-Encoding: gzip\r\n")
            #expect(try ask(booth, gzip, message).hasPrefix("HTTP/1.1 415 "))
            for path in [
                "/", "/printers", "/printers/", "/printers/a/b", "/printers/a/1/2", "/admin/", "/printers/%zz",
            ] {
                #expect(try ask(booth, RawHTTP.post(length, path: path), message).hasPrefix("HTTP/1.1 404 "))
            }
            for method in ["GET", "PUT", "DELETE", "OPTIONS"] {
                let text = RawHTTP.post(length).replacingOccurrences(of: "POST", with: method)
                #expect(try ask(booth, text, message).hasPrefix("HTTP/1.1 405 "), "\(method)")
            }
            #expect(try ask(booth, RawHTTP.post("Content-Length: 4"), Array("evil".utf8)).hasPrefix("HTTP/1.1 400 "))
            let icon = "GET /icons/printer.png HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
            #expect(try ask(booth, icon).contains("image/png"))
            #expect(booth.records.count == 5)
        }
    }

    @Test("IPv6, chunks and a wish for '100 Continue' are understood")
    func http() async throws {
        try await Booth.with { booth in
            let message = try printJob()
            let all = message + Array("%PDF-1.4 document".utf8)
            #expect(
                try ask(booth, RawHTTP.post("Content-Length: \(all.count)"), all, six: true).hasPrefix("HTTP/1.1 200 "))
            let http = try RawHTTP(port: booth.port)
            try http.send(RawHTTP.post("Transfer-Encoding: chunked", more: "Expect: 100-continue\r\n"))
            #expect(try http.head().hasPrefix("HTTP/1.1 100 "))
            // The message's end lies in the middle of a chunk, and each byte comes alone.
            for byte in all { try http.send(Array("1\r\n".utf8) + [byte] + Array("\r\n".utf8)) }
            try http.send("0\r\n\r\n")
            #expect(String(decoding: try http.rest(), as: UTF8.self).hasPrefix("HTTP/1.1 200 "))
            #expect(
                booth.records.map { booth.document(of: $0) } == [
                    Data("%PDF-1.4 document".utf8), Data("%PDF-1.4 document".utf8),
                ])
        }
    }

    @Test("A document that is cut off is no job", arguments: ["Content-Length: 100000", "Transfer-Encoding: chunked"])
    func truncated(_ length: String) async throws {
        try await Booth.with { booth in
            let message = try printJob() + Array("%PDF half of it".utf8)
            for isHalfClosed in [true, false] {
                do {
                    let http = try RawHTTP(port: booth.port)
                    let isChunked = length.hasPrefix("Transfer")
                    let body = isChunked ? Array("\(String(message.count, radix: 16))\r\n".utf8) + message : message
                    try http.send(Array(RawHTTP.post(length).utf8) + body)
                    if isHalfClosed {
                        http.finish()
                        _ = try? http.rest()
                    }
                }
                // Jobs are taken in turn: by the end of the next, the cut one has been seen.
                let whole = try printJob() + Array("%PDF".utf8)
                _ = try ask(booth, RawHTTP.post("Content-Length: \(whole.count)"), whole)
            }
            try await eventually("nothing is left of the cut ones") {
                try FileManager.default.contentsOfDirectory(atPath: "\(booth.folder)/paper")
                    .allSatisfy { !$0.hasSuffix(".incoming") }
            }
            #expect(booth.records.map(\.ticket.size) == [4, 4])
        }
    }

    @Test("Who calls is whose socket it is: root and lp may speak for others, nobody else")
    func callers() async throws {
        try await Booth.with { booth in
            let folder = booth.folder
            let request = "\(folder)/request"
            try Data(try printJob(user: "somebody") + Array("%PDF".utf8)).write(to: URL(filePath: request))
            try await Command.run(["chmod", "755", folder]).checked()
            for user in ["root", "lp", "nobody", "daemon"] {
                try await Command.run([
                    "setpriv", "--reuid", user, "--regid", "65534", "--clear-groups", "bash", "-c",
                    """
                    exec 3<>/dev/tcp/127.0.0.1/\(booth.port)
                    printf '\(RawHTTP.post("Content-Length: $(stat -c %s \(request))").shell)' >&3
                    cat \(request) >&3
                    head -1 <&3
                    """,
                ]).checked()
            }
            try await eventually("four jobs are there") { booth.records.count == 4 }
            #expect(
                booth.records.map(\.ticket.user.description) == ["somebody", "somebody", "nobody", "daemon"])
        }
    }

    @Test("A caller that is gone before it is asked for is nobody")
    func gone() async throws {
        try await Booth.with { booth in
            let request = "\(booth.folder)/request"
            let message = try printJob(user: "somebody") + Array("%PDF".utf8)
            let head = RawHTTP.post("Content-Length: \(message.count)")
            try Data(Array(head.utf8) + message).write(to: URL(filePath: request))
            try await Command.run(["chmod", "755", booth.folder]).checked()
            booth.signal(SIGSTOP)
            try await Command.run([
                "setpriv", "--reuid", "nobody", "--regid", "65534", "--clear-groups", "bash", "-c",
                "cat \(request) >/dev/tcp/127.0.0.1/\(booth.port)",
            ]).checked()
            booth.signal(SIGCONT)
            // Connections are accepted in turn.
            let whole = try printJob(user: "later") + Array("%PDF".utf8)
            let answer = try ask(booth, RawHTTP.post("Content-Length: \(whole.count)"), whole)
            #expect(answer.hasPrefix("HTTP/1.1 200 "))
            #expect(booth.records.map(\.ticket.user.description) == ["later"])
        }
    }

    @Test("Who stands still is hung up on, in the head and in a document, and leaves nothing")
    func stalled() async throws {
        try await Booth.with(["--set", "limits.requestSeconds=1"]) { booth in
            let message = try printJob() + Array("%PDF".utf8)
            for part in ["POST /printers/pc1_laser HTTP/1.1\r\nHost: loc", RawHTTP.post("Content-Length: 100000")] {
                let http = try RawHTTP(port: booth.port)
                try http.send(part)
                if part.hasSuffix("\r\n\r\n") { try http.send(message) }
                // Throws where nothing happens within five seconds.
                #expect(!String(decoding: try http.rest(), as: UTF8.self).contains(" 200 "))
            }
            try await eventually("nothing is left of the document") {
                try FileManager.default.contentsOfDirectory(atPath: "\(booth.folder)/paper").isEmpty
            }
        }
    }

    @Test("A document that only trickles is hung up on, too")
    func trickling() async throws {
        try await Booth.with(["--set", "printing.documentSeconds=10"]) { booth in
            let http = try RawHTTP(port: booth.port)
            try http.send(Array(RawHTTP.post("Content-Length: 100000000").utf8) + (try printJob()))
            // Until the other end is gone; each byte well within the time that a body may stand still.
            try await eventually("it is hung up on", within: .seconds(20), every: .milliseconds(100)) {
                do { try http.send([0]) } catch { return true }
                return false
            }
            #expect(booth.records.isEmpty)
        }
    }

    @Test("Each user has so many connections, and all together have so many")
    func connections() async throws {
        try await Booth.with(["--set", "printing.connectionsPerUser=2", "--set", "printing.connections=4"]) { booth in
            let message = try printJob() + Array("%PDF".utf8)
            let get = "GET / HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n"
            let third = try await Command.run([
                "setpriv", "--reuid", "nobody", "--regid", "65534", "--clear-groups", "bash", "-c",
                """
                exec 3<>/dev/tcp/127.0.0.1/\(booth.port) 4<>/dev/tcp/127.0.0.1/\(booth.port)
                exec 5<>/dev/tcp/127.0.0.1/\(booth.port)
                head -1 <&5
                printf '\(get)' >&4
                head -1 <&4
                """,
            ]).checked()
            #expect(third.stdout == "HTTP/1.1 404 Not Found\r\n", "the third has no answer, the second has")
            let open = try (0..<4).map { _ in try RawHTTP(port: booth.port) }
            let fifth = try? ask(booth, RawHTTP.post("Content-Length: \(message.count)"), message)
            #expect(fifth ?? "" == "", "a fifth in all")
            #expect(open.count == 4 && booth.records.isEmpty)
        }
    }
}

extension String {
    /// For printf's format between single quotes.
    fileprivate var shell: String {
        replacingOccurrences(of: "\r\n", with: "\\r\\n").replacingOccurrences(of: "$(", with: "'\"$(")
            .replacingOccurrences(of: "/request)", with: "/request)\"'")
    }
}
