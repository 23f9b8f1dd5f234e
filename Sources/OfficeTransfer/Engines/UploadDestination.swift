import OfficeCore
import OfficeFolders

/// Decides where an upload goes, by the rules of `cp -r`, and remembers it over interruptions by a marker at the
/// receiver: see `DestinationChooser`.
struct UploadDestination: Sendable {
    let session: TransferSession
    let destination: RemotePlace
    let isOneOfSeveral: Bool

    struct Choice: Sendable {
        /// Where the copy's root is.
        let root: RemotePlace
        /// The marker's key, where one was set or found.
        let marker: String?
    }

    func choose(for source: LocalPlace, kind: Entry.Kind) async throws -> Choice {
        let existing = try await entry(of: destination)
        let isFolder = existing?.kind == .directory
        let needsMarker = kind == .directory && !isOneOfSeveral && !destination.path.isRoot
        let key = try await source.uploadKey(to: destination, pool: session.pool)
        if isFolder {
            if needsMarker, try await mark(.ask, key) { return Choice(root: destination, marker: key) }
            return Choice(root: try into(source), marker: nil)
        }
        guard !isOneOfSeveral else {
            throw OfficeError(
                .cannotCreate, destination.description,
                "several sources need a folder that exists as their destination")
        }
        guard existing == nil || kind != .directory else {
            throw OfficeError(.exists, destination.description, "it is there already and is no folder")
        }
        if existing == nil { try await checkParent() }
        if needsMarker { _ = try await mark(.set, key) }
        return Choice(root: destination, marker: needsMarker ? key : nil)
    }

    /// All is done: the next run is a new copy.
    func clear(_ choice: Choice) async throws {
        if let key = choice.marker { _ = try await mark(.clear, key) }
    }

    /// `.` and `/` have no name: their contents go into the folder itself, as `cp -r . there` has it.
    private func into(_ source: LocalPlace) throws(OfficeError) -> RemotePlace {
        guard let name = source.path.last else { return destination }
        var root = destination
        root.path = try destination.path.appending(name)
        return root
    }

    private func checkParent() async throws {
        var parent = destination
        parent.path = destination.path.parent
        guard let found = try await entry(of: parent) else {
            // A share that isn't there, or that this caller may not know of, is said as such: not found.
            parent.path = .root
            _ = try await entry(of: parent)
            throw missingFolder
        }
        guard found.kind == .directory else { throw missingFolder }
    }

    private var missingFolder: OfficeError {
        OfficeError(.cannotCreate, destination.description, "the folder it is to be in does not exist")
    }

    private func mark(_ action: Change.MarkAction, _ key: String) async throws -> Bool {
        var wasThere = false
        try await session.persist(destination, hasBegun: true) {
            let change = Change.mark(destination.path, key: key, action)
            guard let result = try await session.change([change], at: destination).first else { throw cutOff() }
            wasThere = try result.get()
            return true
        }
        return wasThere
    }

    /// What is at a place now; nil where nothing is. Of a share something is always there: its own folder.
    private func entry(of place: RemotePlace) async throws -> Entry? {
        do {
            return try await RemoteListing.load(
                place, session: session, recursive: false, onlySelf: true, server: place.node
            ).root
        } catch let error as OfficeError where error.code == .notFound && !place.path.isRoot {
            return nil
        }
    }
}
