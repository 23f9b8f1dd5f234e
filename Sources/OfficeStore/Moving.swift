package import OfficeCore
import OfficeFolders
package import OfficeTrust
import Synchronization

// A share that becomes a space: its files come while its owner still serves it, and nobody uses the space before.

extension Store {
    /// Makes the space that a share is copied into. The same again goes on with it.
    package func beginMove(
        _ name: Label, from source: SpaceRecord.Source, access: AccessList, quota: Int64?
    ) throws(OfficeError) -> SpaceRecord {
        try contents.withLock { (contents) throws(OfficeError) in
            var record = SpaceRecord(
                name: name, access: access, quota: quota, folder: try Self.place(Self.spaceFolder, name))
            if let known = contents.records[name] {
                guard known.from == source, known.isMoving == true else {
                    throw OfficeError(
                        .exists, "\(Label.office)/\(name)", "a space of that name is there already",
                        mend: "Name another one.")
                }
                record.folder = known.folder
            } else {
                try checkMayAdd(contents)
                try root.makeDirectories(record.folder)
                try root.sync(record.folder.parent)
            }
            record.from = source
            record.isMoving = true
            try write(record, &contents)
            return record
        }
    }

    /// Everything is there: the space is used from now on.
    package func finishMove(_ name: Label) throws(OfficeError) -> SpaceRecord {
        guard var record = record(of: name) else { throw Self.unknown(name) }
        guard record.isMoving == true else { return record }
        record.isMoving = nil
        let space = try make(record)
        try root.sync(record.folder)
        return try contents.withLock { (contents) throws(OfficeError) in
            guard contents.records[name]?.isMoving == true else { throw Self.unknown(name) }
            try write(record, &contents)
            contents.spaces[name] = space
            contents.failures[name] = nil
            feed.miss()
            return record
        }
    }

    /// Shares that haven't come whole, and what to do about it.
    package var unfinished: [OfficeError] { records.filter { $0.isMoving == true }.map { Self.beingMoved($0.name) } }

    static func beingMoved(_ name: Label) -> OfficeError {
        OfficeError(
            .temporary, "\(Label.office)/\(name)", "a share is being moved there, and not all of it has come",
            mend: "If that was interrupted, run the same 'officeshare space add --from' again.")
    }
}
