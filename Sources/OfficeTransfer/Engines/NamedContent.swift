package import OfficeCore
package import OfficeFolders

/// One file whose content is known before it comes: by its root, as a delivery names it.
package struct NamedContent: Sendable {
    package var size: Int64
    package var root: ContentRoot

    package init(size: Int64, root: ContentRoot) {
        self.size = size
        self.root = root
    }

    /// The content of an open file, as it is now. Reads all of it unless the cache knows; blocks.
    ///
    /// Throws `.changed` where it is written meanwhile.
    package static func of(_ file: ReadableFile, cache: any HashCache) throws(OfficeError) -> NamedContent {
        let leaves = try leaves(of: file, cache: cache, stop: StopFlag())
        return NamedContent(
            size: file.identity.size, root: MerkleTree.root(size: file.identity.size, leaves: leaves))
    }
}

extension Downloader {
    /// Brings one file of a known content to `path` in `folder`; there already, it counts as done.
    ///
    /// Nothing of another content ever gets the name: such a source is `.notFound`. What an interruption left is gone
    /// on with, in this process or another. Never throws: what failed is in the summary.
    package func fetch(
        _ content: NamedContent, from source: RemotePlace, to path: RelativePath, in folder: Folder
    ) async -> TransferSummary {
        let session = TransferSession(transport: transport, pool: pool, options: options)
        let outcome = await Outcome.of(source.description, in: session) {
            let stop = StopFlag()
            try await withTaskCancellationHandler {
                let ledger = session.ledger
                let context = DownloadContext(
                    source: source, folder: folder, force: false, keepsMetadata: false,
                    changes: session.options.changes, ledger: ledger, stop: stop, content: content)
                let entry = Entry(
                    path: .root, kind: .file, size: content.size, modified: FileTime(seconds: 0, nanoseconds: 0),
                    executable: false, target: nil)
                let download = try await session.pool.run {
                    let isThere = try LocalPlace.entry(path, in: folder) != nil
                    return Handover([try FileDownload(context, entry, local: path, hasExisting: isThere)])
                }
                ledger.expect(files: 1, bytes: content.size)
                try await BatchDownload(session: session, context: context, batch: download).run()
            } onCancel: {
                stop.set()
            }
        }
        return session.ledger.finish(failure: Outcome.combined([outcome]))
    }
}
