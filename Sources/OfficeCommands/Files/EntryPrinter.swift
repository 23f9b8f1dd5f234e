import OfficeCore

/// Prints entries as they arrive.
///
/// Up to `sortedCount` of them are held back and sorted by name; of a larger folder everything is printed as it
/// comes, for nobody waits for a hundred thousand names to see the first. Memory stays flat either way.
actor EntryPrinter {
    enum Naming: Sendable {
        /// By the path below the folder that was asked for.
        case below(OfficePath)
        /// By `NODE/SHARE/PATH`.
        case whole
    }

    static let sortedCount = 4096

    private let session: Session
    private let naming: Naming
    private let isLong: Bool
    private var held: [EntryOutput]? = []
    private var array = JSONText.ArrayStream()
    /// How many were printed or are held.
    private(set) var count = 0

    init(session: Session, naming: Naming, isLong: Bool = false) {
        self.session = session
        self.naming = naming
        self.isLong = isLong
    }

    func add(_ entries: [EntryOutput]) async throws {
        count += entries.count
        guard var waiting = held else { return try await print(entries) }
        waiting += entries
        if waiting.count > Self.sortedCount {
            held = nil
            try await print(waiting)
        } else {
            held = waiting
        }
    }

    /// Prints what is held and, in JSON, ends the document.
    func finish() async throws {
        let sorted = (held ?? []).sorted(by: <)
        held = nil
        try await print(sorted)
        if session.wantsJSON { try await session.console.write(array.end()) }
    }

    private func print(_ entries: [EntryOutput]) async throws {
        var out: [UInt8] = []
        for entry in entries {
            if session.wantsJSON {
                out += array.element([])
                entry.appendJSON(to: &out)
            } else {
                out += Array(entry.line(named: name(of: entry), long: isLong, terminal: session.terminal).utf8)
                out.append(0x0A)
            }
        }
        try await session.console.write(out)
    }

    private func name(of output: EntryOutput) -> [UInt8] {
        switch naming {
        case .whole: return output.path.bytes
        case .below(let base):
            let below = output.path.path.relative(to: base.path)?.bytes ?? []
            return below.isEmpty ? output.name : below
        }
    }
}
