import OfficeCore
import OfficeFolders
import OfficeStore

// Spaces become shares of the node when it is the file server no longer, and are spaces again when it is once more.

extension ShareKeeper {
    /// Shares what was a space until now, under its name or the first with a number that is free.
    func takeOver(_ space: SpaceRecord, at path: [UInt8]) async throws(OfficeError) {
        guard !all.contains(where: { $0.path == path }) else { return }
        var name = space.name
        var number = 2
        while all.contains(where: { $0.name == name }) || name.description == Label.office {
            let stem = space.name.bytes.count < 58 ? space.name.description : String(space.name.description.prefix(12))
            name = try Label("\(stem)-\(number)")
            number += 1
        }
        let owner = try Folder(at: path).status().userID
        var record = ShareRecord(
            name: name, path: path, owner: owner, isWritable: true, access: space.access, comment: nil, keep: false,
            grant: nil)
        record.formerly = space.from
        try await insert(record)
    }

    /// The share that the space became which that one was.
    func successor(of former: SpaceRecord.Source) -> Label? { all.first { $0.formerly == former }?.name }

    /// Shares these folders no longer: they are spaces now.
    func release(below paths: [[UInt8]]) async {
        for record in all where paths.contains(record.path) { try? await delete(record) }
    }
}
