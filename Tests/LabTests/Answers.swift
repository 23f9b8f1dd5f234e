import Foundation
import OfficeLab
import Testing

// What `officeshare --json` answers, as its contract has it: decoded here by types of the tests' own, so that a key
// that is renamed or lost shows.

struct Status: Decodable {
    struct Node: Decodable { let id: String, name: String, version: String, uptimeSeconds: Int }
    struct Office: Decodable { let id: String, name: String, role: String, members: Int, online: Int }
    struct Problem: Decodable { let what: String, why: String, mend: String? }
    let node: Node
    let office: Office?
    let problems: [Problem]
}

struct Member: Decodable, Equatable { let id: String, name: String, admin: Bool, online: Bool }

struct Peer: Decodable {
    let id: String?, name: String?, member: Bool, online: Bool, addresses: [String], port: Int, via: String
}

struct Entry: Decodable, Equatable { let number: Int, kind: String, author: String, hash: String, follows: [String] }

struct Offer: Decodable {
    let path: String, node: String, share: String, kind: String, mode: String, online: Bool, servedBy: String?,
        asOf: String?
}

struct Joined: Decodable {
    struct Named: Decodable { let id: String, name: String }
    let office: Named, node: Named
}

struct Summary: Decodable {
    struct Failed: Decodable { let path: String, code: String, why: String }
    let files: Int, bytes: Int, resumedBytes: Int, resentBlocks: Int, failed: [Failed]
}

extension LabHost {
    /// The answer of `officeshare … --json`, which has to succeed.
    func ask<Answer: Decodable>(
        _ arguments: String..., as user: String? = nil, of type: Answer.Type = Answer.self
    ) async throws -> Answer {
        try await officeshare(arguments + ["--json"], as: user).json(type)
    }

    func status() async throws -> Status { try await ask("status") }
    func members() async throws -> [Member] { try await ask("office", "members") }

    /// The peer of this name as this host sees it now; nil where it doesn't.
    func peer(_ name: String) async throws -> Peer? {
        try await ask("peers", of: [Peer].self).first { $0.name == name }
    }

    /// Runs a command of officeshare that has to succeed.
    @discardableResult func must(
        _ arguments: String..., as user: String? = nil, input: String = ""
    ) async throws -> Output {
        try await officeshare(arguments, as: user, input: Data(input.utf8)).checked()
    }

    /// Runs a command that has to be refused with this exit status, on one line, saying nothing else.
    func refused(
        _ status: Int32, _ arguments: String..., as user: String? = nil, input: String = "",
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let output = try await officeshare(arguments, as: user, input: Data(input.utf8))
        expectRefusal(output, status, sourceLocation: sourceLocation)
    }
}

/// That a command was refused as the contract says: its status, one line for people, no answer.
func expectRefusal(_ output: Output, _ status: Int32, sourceLocation: SourceLocation = #_sourceLocation) {
    let said = output.stderr.split(separator: "\n")
    #expect(output.status == status, "\(output)", sourceLocation: sourceLocation)
    #expect(
        said.count == 1 && said.allSatisfy { $0.hasPrefix("officeshare: ") }, "\(output)",
        sourceLocation: sourceLocation)
    #expect(output.stdout.isEmpty, "\(output)", sourceLocation: sourceLocation)
}
