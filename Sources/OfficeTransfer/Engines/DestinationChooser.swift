import OfficeCore
import OfficeFolders

/// Decides where a copy goes, by the rules of `cp -r`, and remembers it over interruptions.
///
/// A folder that is copied *as* a destination that isn't there yet would, run again, be copied *into* it. So a
/// hidden marker beside it, made before it, says that it was begun so; it goes when all is done. It is locked
/// meanwhile: a second run of the same waits its turn.
struct DestinationChooser: Sendable {
    let destination: [UInt8]
    let isOneOfSeveral: Bool
    let recursive: Bool

    /// Where the copy's root is.
    struct Choice: Sendable {
        let folder: Folder
        let root: RelativePath
        /// Nothing was there before: nothing has to be looked for.
        let isNew: Bool
        let marker: PartialFile?
    }

    /// Blocking.
    func choose(for source: RemotePlace, kind: Entry.Kind) throws(OfficeError) -> Choice {
        let place = try LocalPlace(destination, followingFolders: true)
        let existing = try place.entry()
        let marker =
            kind == .directory && !isOneOfSeveral && !place.path.isRoot
            ? try openMarker(place, source, exists: existing?.kind == .directory) : nil
        if let marker, existing?.kind == .directory {
            return Choice(folder: place.folder, root: place.path, isNew: false, marker: marker)
        }
        if existing?.kind == .directory {
            let folder = place.path.isRoot ? place.folder : try place.folder.subfolder(place.path)
            let root = try RelativePath([try source.name])
            return Choice(
                folder: folder, root: root, isNew: try LocalPlace.entry(root, in: folder) == nil, marker: nil)
        }
        guard !isOneOfSeveral else {
            throw OfficeError(
                .cannotCreate, place.name, "several sources need a folder that exists as their destination")
        }
        if let existing, kind == .directory || existing.kind == .directory {
            throw OfficeError(.exists, place.name, "it is there already and is no folder")
        }
        return Choice(folder: place.folder, root: place.path, isNew: existing == nil, marker: marker)
    }

    /// The marker, if the copy is to be *as* the destination: new where that isn't there, else only if it was left.
    private func openMarker(
        _ place: LocalPlace, _ source: RemotePlace, exists: Bool
    ) throws(OfficeError) -> PartialFile? {
        do throws(OfficeError) {
            let marker = try place.folder.partial(for: place.path, key: "destination of \(source)")
            guard exists, marker.isNew else { return marker }
            try marker.discard()
            return nil
        } catch  where exists && error.code == .notAllowed {
            // Nothing can be made beside the destination, so no marker was.
            return nil
        }
    }
}
