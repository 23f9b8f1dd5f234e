import OfficeCore

/// One entry of a folder as the command line prints it.
struct EntryOutput: Sendable {
    /// `NODE/SHARE/PATH`.
    let path: OfficePath
    let entry: Entry

    init(_ entry: Entry, below base: OfficePath) throws(OfficeError) {
        path = OfficePath(node: base.node, share: base.share, path: try base.path.appending(entry.path))
        self.entry = entry
    }

    /// Its own name: of the share itself, the share's.
    var name: [UInt8] { path.path.last?.bytes ?? path.share?.bytes ?? [] }

    static func < (a: EntryOutput, b: EntryOutput) -> Bool {
        if a.path.node != b.path.node { return a.path.node < b.path.node }
        if let share = a.path.share, let other = b.path.share, share != other { return share < other }
        return a.path.path < b.path.path
    }

    var type: String {
        switch entry.kind {
        case .file: "file"
        case .directory: "directory"
        case .symlink: "symlink"
        }
    }

    /// `{name,path,type,size,modified,executable,target}`, with `…Bytes` beside what is not UTF-8.
    ///
    /// By hand, in the order that sorted keys have: a folder may have a hundred thousand of them.
    func appendJSON(to out: inout [UInt8]) {
        func add(_ text: StaticString) {
            out += UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        }
        add("{\"executable\":")
        add(entry.executable ? "true" : "false")
        add(",\"modified\":\"")
        out += Array(Timestamp(entry.modified).description.utf8)
        add("\",\"name\":")
        Self.appendJSON(name, bytesKey: ",\"nameBytes\":", to: &out)
        add(",\"path\":")
        Self.appendJSON(path.bytes, bytesKey: ",\"pathBytes\":", to: &out)
        add(",\"size\":")
        out += Array(String(entry.size).utf8)
        add(",\"target\":")
        if let target = entry.target {
            Self.appendJSON(target, bytesKey: ",\"targetBytes\":", to: &out)
        } else {
            add("null")
        }
        add(",\"type\":\"")
        out += Array(type.utf8)
        add("\"}")
    }

    private static func appendJSON(_ bytes: [UInt8], bytesKey: StaticString, to out: inout [UInt8]) {
        if let text = String(validating: bytes, as: UTF8.self) {
            JSONText.append(text, to: &out)
        } else {
            JSONText.append(String(decoding: bytes, as: UTF8.self), to: &out)
            out += UnsafeBufferPointer(start: bytesKey.utf8Start, count: bytesKey.utf8CodeUnitCount)
            JSONText.append(Base64.encode(bytes), to: &out)
        }
    }

    /// What people see: the name, and with `long` what it is, its size and time before it. Fixed columns, for
    /// what comes later is not known yet.
    func line(named name: [UInt8], long: Bool, terminal: Terminal) -> String {
        var text = terminal.styled(escapedForTerminal(name), style)
        guard long else { return text }
        if let target = entry.target { text += " -> \(escapedForTerminal(target))" }
        let size = entry.kind == .file ? HumanText.size(entry.size) : "-"
        return "\(mark)  \(padded(size, to: 10, right: true))  \(HumanText.localTime(entry.modified))  \(text)"
    }

    /// `d` for a folder, `l` for a link, `x` for a program, as `ls -l` marks them.
    private var mark: String {
        switch entry.kind {
        case .directory: "d"
        case .symlink: "l"
        case .file: entry.executable ? "x" : "-"
        }
    }

    private var style: Terminal.Style? {
        switch entry.kind {
        case .directory: .blue
        case .symlink: .cyan
        case .file: entry.executable ? .green : nil
        }
    }
}
