internal import Glibc
package import OfficeCore

/// The local cupsd, and the only door to it.
///
/// It talks IPP over cupsd's Unix socket and to nothing else: no look-up of names, no network, nothing that a
/// printer could hold up. Runs on a queue of its own, since libcups blocks; every request is over after `timeout` of
/// silence. A cupsd that is gone is `.unavailable` at once and found again by the next call.
package actor CUPSScheduler {
    package static let defaultSocket = "/run/cups/cups.sock"

    package nonisolated let socket: String
    nonisolated let timeout: Duration
    private nonisolated let executor = BlockingExecutor(label: "officeshare.cups")
    let connection: CUPSConnection
    let pulse: CUPSPulse
    var watch: Watch?

    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - socket: cupsd's; nil is the one that `CUPS_SERVER` names where that is a path, else the usual one.
    ///   - timeout: Longest silence of cupsd within a request.
    package init(socket: String? = nil, timeout: Duration = .seconds(5)) {
        self.socket = socket ?? Self.socketOfEnvironment ?? Self.defaultSocket
        self.timeout = timeout
        connection = CUPSConnection(socket: self.socket, timeout: timeout / .seconds(1))
        pulse = CUPSPulse(socket: self.socket, timeout: timeout / .seconds(1))
    }

    private static var socketOfEnvironment: String? {
        guard let server = getenv("CUPS_SERVER") else { return nil }
        let text = String(cString: server)
        return text.hasPrefix("/") ? text : nil
    }

    /// cupsd's version, `2.4.2`, as far as its `ServerTokens` let it tell: of any queue, else from its greeting; nil
    /// where it keeps that to itself. Throws `.unavailable` where it can't be reached.
    package func version() throws(OfficeError) -> String? {
        let answer = try askForAny(
            .getPrinters, .everything, wanting: ["cups-version"], [IPPAttribute("limit", .integer(1))])
        if let told = answer?.attribute("cups-version", in: .printer)?.text { return Sanitizer.text(told) }
        // "CUPS/2.4 IPP/2.1"
        let product = connection.greeting?.split(separator: " ").first { $0.hasPrefix("CUPS/") }
        return product.flatMap { Sanitizer.text(String($0.dropFirst("CUPS/".count))) }
    }

    /// Whether cupsd answers now.
    package func isReachable() -> Bool {
        do throws(OfficeError) {
            _ = try ask(.getPrinters, .everything, wanting: ["printer-name"], [IPPAttribute("limit", .integer(1))])
            return true
        } catch {
            return error.code != .unavailable
        }
    }

    // MARK: Asking

    /// Sends a request and gives its answer where it is a success.
    ///
    /// - Parameter user: In whose name; nil is that of this process, proven to cupsd.
    @discardableResult func ask(
        _ operation: CUPSRequest.Operation, _ target: CUPSRequest.Target, user: String? = nil,
        wanting: [String] = [], _ extra: [IPPAttribute] = [], groups: [IPPGroup] = [], resource: String? = nil
    ) throws(OfficeError) -> IPPMessage {
        let request = CUPSRequest.message(operation, target, user: user, wanting: wanting, extra, groups: groups)
        let answer = try connection.exchange(
            request, resource: resource ?? target.resource, as: user == nil ? .process : .named)
        try CUPSFailure.check(answer, of: operation, target.name)
        return answer
    }

    /// Like `ask`, of which nothing found is an answer too.
    func askForAny(
        _ operation: CUPSRequest.Operation, _ target: CUPSRequest.Target, wanting: [String],
        _ extra: [IPPAttribute] = []
    ) throws(OfficeError) -> IPPMessage? {
        do throws(OfficeError) {
            return try ask(operation, target, wanting: wanting, extra)
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
    }
}
