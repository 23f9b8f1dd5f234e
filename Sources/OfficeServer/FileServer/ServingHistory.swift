import OfficeCore
import OfficeFolders

/// Which store this node served last: so that it knows what to do with it when it wakes up as something else.
struct ServingHistory: Sendable {
    /// The store that this node serves, or did when it was stopped.
    private static let served = FileName(trusted: Array("served-store".utf8))
    /// One that it served, and another took over from it without reading it.
    private static let left = FileName(trusted: Array("left-store".utf8))
    /// One that is being made a copy of the file server's.
    private static let copied = FileName(trusted: Array("copied-store".utf8))

    /// Where a person wants the copy that a standby keeps.
    private static let standby = FileName(trusted: Array("standby-store".utf8))

    private static let together = FileName(trusted: Array("served-with".utf8))

    let stateDirectory: String

    private func place(_ name: FileName) throws(OfficeError) -> (folder: Folder, path: RelativePath) {
        (try Folder(at: Array(stateDirectory.utf8)), try RelativePath([name]))
    }

    func began(_ store: [UInt8]) throws(OfficeError) {
        try write(store, Self.served)
        if try read(Self.left) == store { try forget(Self.left) }
        try forget(Self.copied)
    }

    /// The nodes that serve it with this one, which is among them: none of them is without anything that it holds.
    func began(with nodes: [NodeID]) throws(OfficeError) {
        let text = nodes.count > 1 ? nodes.map(\.description).joined(separator: "\n") : ""
        if text.isEmpty { return try forget(Self.together) }
        try write(Array(text.utf8), Self.together)
    }

    /// Empty where it was served by this one alone.
    func nodes() throws(OfficeError) -> [NodeID] {
        let text = String(decoding: try read(Self.together) ?? [], as: UTF8.self)
        return text.split(separator: "\n").compactMap { try? NodeID(hex: String($0)) }
    }

    func last() throws(OfficeError) -> [UInt8]? { try read(Self.served) }
    func ended() throws(OfficeError) { try forget(Self.served) }

    func copies(_ store: [UInt8]) throws(OfficeError) { try write(store, Self.copied) }
    func copying() throws(OfficeError) -> [UInt8]? { try read(Self.copied) }

    func standby(_ store: [UInt8]) throws(OfficeError) { try write(store, Self.standby) }
    func standby() throws(OfficeError) -> [UInt8]? { try read(Self.standby) }

    /// What was left there is with the present file server.
    func brought(_ store: [UInt8]) throws(OfficeError) {
        if try read(Self.left) == store { try forget(Self.left) }
    }

    func left(_ store: [UInt8]) throws(OfficeError) { try write(store, Self.left) }

    /// As long as it is there and somebody's.
    func left() throws(OfficeError) -> [UInt8]? {
        guard let path = try read(Self.left), let store = try? Folder(at: path),
            (try? store.entry(try RelativePath(parsing: "office.json"))) != nil
        else { return nil }
        return path
    }

    private func write(_ store: [UInt8], _ name: FileName) throws(OfficeError) {
        let (folder, path) = try place(name)
        if try read(name) != store { try folder.write(store, to: path) }
    }

    private func read(_ name: FileName) throws(OfficeError) -> [UInt8]? {
        let (folder, path) = try place(name)
        do throws(OfficeError) {
            return try folder.read(path, limit: RelativePath.maximumLength)
        } catch  where error.code == .notFound {
            return nil
        }
    }

    private func forget(_ name: FileName) throws(OfficeError) {
        guard try read(name) != nil else { return }
        let (folder, path) = try place(name)
        try folder.remove(path, recursive: false)
        try folder.sync(.root)
    }
}
