internal import Foundation
internal import Glibc
internal import OfficeCore

/// A command left running in a host. What it says is in its log; it ends with the host.
package final class HostProcess: Sendable {
    let child: Child
    private let log: LogFile
    private let errors: LogFile

    init(_ words: [String], environment: [String: String], log path: String) throws {
        let input = try AnonymousFile()
        log = try LogFile("\(path).out")
        errors = try LogFile("\(path).log")
        child = try Child(
            words, environment: environment, input: input.descriptor, output: log.descriptor, error: errors.descriptor)
    }

    /// All it wrote to standard output so far.
    package var stdout: String { log.text }
    /// All it wrote to standard error so far.
    package var stderr: String { errors.text }
    /// How it ended, or nil while it runs.
    package var exit: Exit? { child.exit }

    /// The process itself, as this machine sees it (the one started is nsenter, waiting outside).
    package func pid() async throws -> Int32 {
        var found: Int32?
        try await eventually("\(child.words.joined(separator: " ")) runs", every: .milliseconds(2)) {
            found = try? ProcessTable.child(of: child.pid)
            return found != nil || child.exit != nil
        }
        guard let found else {
            throw OfficeError(.notFound, child.words.joined(separator: " "), "it has ended already")
        }
        return found
    }

    /// Sends a signal to the process.
    package func signal(_ number: Int32) async throws {
        kill(try await pid(), number)
        // nsenter stops when the process does (nsenter(1) waits for it with WUNTRACED), and has to go on as well, be it
        // to see its end.
        if number == SIGCONT || number == SIGKILL { kill(child.pid, SIGCONT) }
    }

    /// Waits for its end.
    @discardableResult package func ended(within limit: Duration = .seconds(30)) async throws -> Exit {
        guard let exit = await child.ended(within: limit) else {
            throw OfficeError(.temporary, child.words.joined(separator: " "), "not ended after \(limit)")
        }
        return exit
    }

    /// Sends a signal and waits for the end it brings.
    @discardableResult package func end(
        _ number: Int32 = SIGTERM, within limit: Duration = .seconds(30)
    ) async throws -> Exit {
        if child.exit == nil { try await signal(number) }
        return try await ended(within: limit)
    }
}
