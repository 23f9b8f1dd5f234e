import CLinux
import HTTPTypes
import OfficeControl
import OfficeCore
import OfficeFolders
import OfficeTransfer

#if canImport(Glibc)
    import Glibc
#endif

/// Hands files to the daemon's outbox, read as the user who called. On return they are safe there.
struct OutboxUpload {
    /// What the exchanges with the outbox name; nothing there depends on it.
    private static let place = "outbox/content"
    private static let mostNotes = 64

    let session: Session

    /// One file, for one node or all.
    func send(_ file: ByteString, to recipient: String?) async throws -> [DeliveryModel] {
        let name = try Self.name(of: file)
        let size = try await blocking { try Self.size(of: file) }
        let request = DeliveryRequest(name: percentEncoded(name.bytes), size: size, to: recipient)
        return try await hand([file.bytes], to: RelativePath([name]), request, recursive: false, shown: file)
    }

    /// What `put` couldn't put now.
    func queue(
        _ sources: [[UInt8]], to destination: RemotePlace, recursive: Bool, force: Bool
    ) async throws -> [DeliveryModel] {
        guard let first = sources.first else { return [] }
        let files = sources.map { ByteString($0) }
        var size: Int64 = 0
        for file in files { size += try await blocking { try Self.size(of: file, inFolders: recursive) } }
        let name = try Self.name(of: ByteString(first))
        let path = OfficePath(node: destination.node, share: destination.share, path: destination.path)
        let notes = destination.node.description == Label.office ? await blocking { Self.notes(of: sources) } : [:]
        let request = DeliveryRequest(
            name: percentEncoded(name.bytes), size: size, to: nil,
            upload: .init(path: percentEncoded(path.bytes), recursive: recursive, force: force, notes: notes))
        return try await hand(sources, to: .root, request, recursive: recursive, shown: files[0])
    }

    private func hand(
        _ sources: [[UInt8]], to path: RelativePath, _ request: DeliveryRequest, recursive: Bool, shown: ByteString
    ) async throws -> [DeliveryModel] {
        let client = session.client
        let opened: DeliveryOpened = try await client.send(.post, "/v1/outbox", request)
        let spool = "/v1/outbox/\(opened.content)"
        do {
            let reporter = ProgressReporter(session: session)
            var options = TransferOptions()
            options.recursive = recursive
            options.progress = { reporter.update($0) }
            var place = try RemotePlace(OfficePath(parsing: Self.place))
            place.path = path
            let uploader = Uploader(transport: SpoolTransport(client: client, path: spool), options: options)
            let summary = await uploader.put(sources, to: place)
            if let failure = summary.failed.first?.error {
                throw failure.what.hasPrefix(Self.place) ? failure.about(shown.description) : failure
            }
            return try await client.send(.post, spool, nil as DeliveryRequest?)
        } catch {
            try? await client.perform(.delete, spool, nil as DeliveryRequest?)
            throw error
        }
    }

    /// What edits were made from: an edit that arrives late is one still.
    private static func notes(of files: [[UInt8]]) -> [String: String] {
        var notes: [String: String] = [:]
        for file in files.prefix(mostNotes) {
            guard let note = EditNote.read(on: file), let name = file.split(separator: UInt8(ascii: "/")).last else {
                continue
            }
            notes[percentEncoded(Array(name))] = Base64.encode(note)
        }
        return notes
    }

    private static func name(of file: ByteString) throws(OfficeError) -> FileName {
        let last = file.bytes.split(separator: UInt8(ascii: "/")).last.map(Array.init) ?? []
        // `.` and `/` have no name, and are folders: what they are called is seen nowhere.
        let isNameless = last.isEmpty || last == Array(".".utf8) || last == Array("..".utf8)
        let name = try FileName(isNameless ? Array("folder".utf8) : last)
        guard !name.isReserved else {
            throw OfficeError(
                .malformed, file.description, "such names are officeshare's own", mend: "Give it another name.")
        }
        return name
    }

    /// Bytes of a file, or with `inFolders` of all that is in a folder. Links are followed as `cp` follows them.
    private static func size(of file: ByteString, inFolders: Bool = false) throws(OfficeError) -> Int64 {
        var status = stat()
        guard stat(file.bytes.map { CChar(bitPattern: $0) } + [0], &status) == 0 else {
            switch errno {
            case ENOENT, ENOTDIR: throw OfficeError(.notFound, file.description, "there is no such file")
            case EACCES: throw OfficeError(.notAllowed, file.description, "you may not go there yourself")
            default: throw OfficeError(.io, file.description, String(cString: strerror(errno)))
            }
        }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return Int64(status.st_size)
        case S_IFDIR:
            guard inFolders else {
                throw OfficeError(
                    .usage, file.description, "it is a folder",
                    mend: "Send its files, pack it with tar, or share it with 'officeshare share add'.")
            }
            return try Folder(at: file.bytes).bytes(below: .root)
        default: throw OfficeError(.malformed, file.description, "it is a device, a pipe or a socket")
        }
    }
}
