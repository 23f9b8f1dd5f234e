import HTTPTypes
import OfficeControl
import OfficeCore
import OfficeFolders
import OfficeTransfer

/// Brings one delivery out of the inbox into a folder, as the user who called. Nothing that is there is touched.
struct InboxTaking {
    /// Names that are tried for one file.
    private static let mostNames = 1000
    /// What the exchanges with the inbox name; nothing there depends on it.
    private static let place = "inbox/content"

    let session: Session
    let folder: LocalPath

    func take(_ id: String) async throws -> DeliveryModel {
        let client = session.client
        // Looked at before anything moves.
        let directory = folder
        let destination = try await blocking {
            do throws(OfficeError) {
                return try Folder(at: directory.bytes)
            } catch  where error.code == .notFound {
                throw OfficeError(
                    .cannotCreate, directory.description, "there is no such folder", mend: "Make it first.")
            }
        }
        var delivery: DeliveryModel = try await client.send(.post, "/v1/inbox/\(id)/accept", nil as ResendRequest?)
        if delivery.state != "delivered" { delivery = try await DeliveryWait(session: session).untilHere(delivery) }
        let name = try FileName(delivery.nameAsBytes)
        guard !name.isReserved else { throw OfficeError(.malformed, name.description, "its name can't be a file's") }
        let found = delivery
        let taken = try await stoppable("inbox accept") {
            try await bring(found, name, into: destination)
        }
        delivery = try await client.send(.post, "/v1/inbox/\(found.id)/taken", nil as ResendRequest?)
        let path = ExactName((directory == LocalPath.here ? [] : directory.bytes + [UInt8(ascii: "/")]) + taken.bytes)
        (delivery.path, delivery.pathBytes) = (path.text, path.base64)
        return delivery
    }

    /// The name that it has now.
    private func bring(_ delivery: DeliveryModel, _ name: FileName, into folder: Folder) async throws -> FileName {
        let reporter = ProgressReporter(session: session)
        var options = TransferOptions()
        options.progress = { reporter.update($0) }
        options.recursive = true
        let transport = SpoolTransport(client: session.client, path: "/v1/inbox/\(delivery.id)/content")
        let downloader = Downloader(transport: transport, options: options)
        var source = try RemotePlace(OfficePath(parsing: Self.place))
        source.path = try RelativePath([name])
        guard let root = delivery.root else {
            try Self.check(await downloader.get([source], to: self.folder.bytes), delivery)
            return name
        }
        let content = NamedContent(size: delivery.size, root: try ContentRoot(hex: root))
        for number in 1...Self.mostNames {
            let candidate = try Self.candidate(number, of: name)
            let path = try RelativePath([candidate])
            let there = try? await blocking { try folder.entry(path) }
            if let there, there.kind != .file { continue }
            let summary = await downloader.fetch(content, from: source, to: path, in: folder)
            if there != nil, summary.failure == .exists { continue }
            try Self.check(summary, delivery)
            return candidate
        }
        throw OfficeError(
            .exists, name.description, "there are \(Self.mostNames) files of that name", mend: "Give another folder.")
    }

    private static func check(_ summary: TransferSummary, _ delivery: DeliveryModel) throws(OfficeError) {
        guard let failure = summary.failed.first?.error else { return }
        throw failure.what.hasPrefix(place) ? failure.about(delivery.shownName) : failure
    }

    /// `report.pdf`, `report (2).pdf`, `report (3).pdf`, …; shortened where it would be too long.
    static func candidate(_ number: Int, of name: FileName) throws(OfficeError) -> FileName {
        guard number > 1 else { return name }
        let bytes = name.bytes
        let dot = bytes.lastIndex(of: UInt8(ascii: ".")).flatMap { $0 > 0 && bytes.count - $0 <= 16 ? $0 : nil }
        var stem = bytes[..<(dot ?? bytes.count)]
        let end = Array(" (\(number))".utf8) + bytes[(dot ?? bytes.count)...]
        while stem.count + end.count > FileName.maximumLength {
            // A character of UTF-8 goes whole.
            while let last = stem.last, last & 0xC0 == 0x80 { stem.removeLast() }
            if !stem.isEmpty { stem.removeLast() }
        }
        return try FileName(stem + end)
    }
}
