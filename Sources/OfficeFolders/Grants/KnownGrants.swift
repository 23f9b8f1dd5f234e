import OfficeCore

/// What other grants to the same service say of a place: where an entry that names the service comes from.
struct KnownGrants {
    enum Origin {
        /// A grant noted what was there before.
        case saved(GrantRecord.Saved)
        /// A grant covers it and noted nothing: the entry is that grant's.
        case granted
        /// It was there before any grant.
        case unknown
    }

    private let folders: [[[UInt8]]]
    private var saved: [String: GrantRecord.Saved] = [:]

    init(_ records: [GrantRecord]) {
        folders = records.map(\.names)
        for record in records {
            for ancestor in record.ancestors { saved[ancestor.path] = ancestor }
            for exception in record.exceptions { saved[Self.join(record.path, exception.path)] = exception }
        }
    }

    /// `path` is absolute and percent-encoded.
    func origin(_ path: String) -> Origin {
        if let saved = saved[path] { return .saved(saved) }
        guard !folders.isEmpty, let bytes = try? percentDecoded(path) else { return .unknown }
        let names = bytes.split(separator: UInt8(ascii: "/")).map { Array($0) }
        return folders.contains { names.starts(with: $0) } ? .granted : .unknown
    }

    static func join(_ folder: String, _ relative: String) -> String {
        relative.isEmpty ? folder : folder == "/" ? "/" + relative : folder + "/" + relative
    }
}

/// What was done, and how often.
struct GrantTally {
    private static let examples = 5

    var folders = 0
    var files = 0
    private var beyond = 0
    private var examples: [String] = []

    private mutating func count(_ node: AccessNode) {
        if node.status.isDirectory { folders += 1 } else { files += 1 }
    }

    mutating func leave(_ what: String) {
        beyond += 1
        if examples.count < Self.examples { examples.append(what) }
    }

    /// Counts a change that is made. What only a file's own owner could do, and what its file system can't, is
    /// tolerated, and counted too.
    mutating func attempt(_ node: AccessNode, _ change: () throws(OfficeError) -> Void) throws(OfficeError) {
        do {
            try change()
            count(node)
        } catch {
            guard error.code == .notAllowed || error.code == .cannotCreate else { throw error }
            leave(node.what)
        }
    }

    var left: [GrantChange] { beyond == 0 ? [] : [.beyond(count: beyond, examples: examples)] }
}
