import Foundation
import OfficeLab
import Synchronization
import Testing

/// Clients on several hosts that write, read, edit, move and remove a few files of `office/docs`, all the same ones, one
/// command after another each; and what they were told, when.
final class RecordedClients: Sendable {
    /// The first two of them change places; nothing moves between the others.
    static let files = 4

    private struct Client {
        let number: Int
        let host: LabHost
        var random: SeededGenerator
        var written = 0

        /// Nobody writes it twice.
        mutating func content() -> Int {
            written += 1
            return number * 1_000_000 + written
        }
    }

    private let began = ContinuousClock.now
    private let recorded = Mutex(FileHistory())
    private let counts: Mutex<[Int: Int]> = Mutex([:])
    private let isOver = Atomic(false)

    /// Runs clients, two on each of the hosts, for the length of `body`; what was recorded.
    static func record(
        on hosts: [LabHost], seed: UInt64 = 1, _ body: (RecordedClients) async throws -> Void
    ) async throws -> FileHistory {
        let clients = RecordedClients()
        try await withThrowingTaskGroup { group in
            for (number, host) in (hosts + hosts).enumerated() {
                clients.counts.withLock { $0[number] = 0 }
                let client = Client(number: number, host: host, random: SeededGenerator(seed * 1000 + UInt64(number)))
                group.addTask { try await clients.work(client) }
            }
            do {
                try await clients.goOn()
                try await body(clients)
                try await clients.goOn()
            } catch {
                clients.isOver.store(true, ordering: .relaxed)
                throw error
            }
            clients.isOver.store(true, ordering: .relaxed)
            try await group.waitForAll()
        }
        return clients.recorded.withLock { $0 }
    }

    /// Returns when every client has been answered some more.
    func goOn(_ more: Int = 6) async throws {
        let before = counts.withLock { $0 }
        try await eventually("all clients go on", within: promised(60)) {
            counts.withLock { counts in counts.allSatisfy { $0.value >= (before[$0.key] ?? 0) + more } }
        }
    }

    private func work(_ client: Client) async throws {
        var client = client
        while !isOver.load(ordering: .relaxed) {
            let file = Int.random(in: 0..<Self.files, using: &client.random)
            let outcome: FileHistory.Outcome =
                switch Int.random(in: 0..<12, using: &client.random) {
                case 0..<3: try await put(file, client.content(), by: client)
                case 3: try await create(file, client.content(), by: client)
                case 4..<6: try await edit(file, client.content(), by: client)
                case 6..<9: try await read(file, by: client)
                case 9: try await remove(file, by: client)
                default: try await move(file % 2, to: 1 - file % 2, by: client)
                }
            counts.withLock { $0[client.number, default: 0] += outcome == .unknown ? 0 : 1 }
            // One lost answer each time: what may have been done is no more than what can be looked at.
            if outcome == .unknown { try await untilServed(client) }
        }
    }

    private func untilServed(_ client: Client) async throws {
        try await eventually("client \(client.number) is served", within: promised(60), every: .milliseconds(100)) {
            if isOver.load(ordering: .relaxed) { return true }
            return try await client.host.officeshare(["ls", "office/docs"], as: "bob").status == 0
        }
    }

    // MARK: Commands

    private func put(_ file: Int, _ content: Int, by client: Client) async throws -> FileHistory.Outcome {
        let script =
            "echo \(content) >p\(client.number) && exec officeshare put --force ./p\(client.number) \(path(file))"
        return try await note(.put(file: file, content: content), client, script) { $0.status == 0 ? .done : nil }
    }

    private func create(_ file: Int, _ content: Int, by client: Client) async throws -> FileHistory.Outcome {
        let name = "c\(client.number)"
        let script = "rm -f \(name); echo \(content) >\(name) && exec officeshare put ./\(name) \(path(file))"
        return try await note(.create(file: file, content: content), client, script) { output in
            output.status == 73 ? .occupied : output.status == 0 ? .done : nil
        }
    }

    /// Brings it here, which is a read, and puts it back as it was edited.
    private func edit(_ file: Int, _ content: Int, by client: Client) async throws -> FileHistory.Outcome {
        let name = "e\(client.number)"
        let get = "rm -f \(name); officeshare get \(path(file)) ./\(name) >/dev/null || exit; cat \(name)"
        guard case .saw(let base) = try await note(.read(file: file), client, get, Self.seen) else { return .missing }
        let put = "echo \(content) >\(name) && exec officeshare put ./\(name) \(path(file)) --json"
        return try await note(.edit(file: file, base: base, content: content), client, put) { output in
            guard output.status == 0, let put = try? output.json(Put.self) else { return nil }
            return put.conflicts?.isEmpty ?? true ? .done : .occupied
        }
    }

    private struct Put: Decodable {
        struct Conflict: Decodable {}
        let conflicts: [Conflict]?
    }

    private func read(_ file: Int, by client: Client) async throws -> FileHistory.Outcome {
        try await note(.read(file: file), client, "exec officeshare cat \(path(file))", Self.seen)
    }

    private func remove(_ file: Int, by client: Client) async throws -> FileHistory.Outcome {
        try await note(.remove(file: file), client, "exec officeshare rm \(path(file))", Self.doneOrMissing)
    }

    private func move(_ from: Int, to: Int, by client: Client) async throws -> FileHistory.Outcome {
        let script = "exec officeshare mv --force \(path(from)) \(path(to))"
        return try await note(.move(from: from, to: to), client, script, Self.doneOrMissing)
    }

    private static func seen(_ output: Output) -> FileHistory.Outcome? {
        if output.status == 66 { return .missing }
        guard output.status == 0 else { return nil }
        // What is no number is no content that anybody wrote.
        return .saw(Int(output.stdout.dropLast()) ?? -1)
    }

    private static func doneOrMissing(_ output: Output) -> FileHistory.Outcome? {
        output.status == 66 ? .missing : output.status == 0 ? .done : nil
    }

    private func path(_ file: Int) -> String { "office/docs/f\(file)" }

    private func note(
        _ act: FileHistory.Act, _ client: Client, _ script: String,
        _ outcome: (Output) -> FileHistory.Outcome?
    ) async throws -> FileHistory.Outcome {
        let asked = ContinuousClock.now - began
        let output = try await client.host.shell(script, as: "bob")
        let answered = ContinuousClock.now - began
        let told = outcome(output)
        if told == nil, ![69, 75].contains(output.status) { Issue.record("\(output)") }
        // Who couldn't reach it has done nothing (`docs/protocol.md`: what is lost on the way is 75).
        guard told != nil || output.status != 69 else { return .unknown }
        let operation = FileHistory.Operation(
            client: client.number, act, told ?? .unknown, asked: asked, answered: answered)
        recorded.withLock { $0.operations.append(operation) }
        return operation.outcome
    }
}
