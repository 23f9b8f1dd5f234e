import NIOCore
import OfficeCore
import OfficeFolders

/// Carries out CHANGE frames, in their order. Blocking code, called by one thread at a time.
final class ChangeMaker {
    private static let changesAtOnce = 256

    private let destination: Destination
    private var folder: any FolderChanging { destination.changes }
    private let receptions: Receptions
    private var changes: ArraySlice<(item: UInt32, change: Change)>
    private var encoder: FrameEncoder

    init(
        changes: [(item: UInt32, change: Change)], destination: Destination, receptions: Receptions,
        limits: TransferLimits
    ) {
        self.changes = changes[...]
        self.destination = destination
        self.receptions = receptions
        encoder = FrameEncoder(limits: limits)
    }

    /// The next buffer of frames; nil when every change is answered.
    func next() -> ByteBuffer? {
        var results: [(item: UInt32, result: Result<Bool, OfficeError>)] = []
        while results.count < Self.changesAtOnce, let (item, change) = changes.popFirst() {
            results.append((item, Result { () throws(OfficeError) -> Bool in try carryOut(change) }))
        }
        guard !results.isEmpty else { return nil }
        let refusal: OfficeError?
        do throws(OfficeError) {
            try folder.confirm()
            refusal = nil
        } catch {
            refusal = error
        }
        for (item, result) in results {
            switch (result, refusal) {
            case (.success(let wasThere), nil): encoder.write(.done(item: item, wasThere: wasThere))
            // Also of what failed: that a file is gone, say, may be this sender's doing of a moment ago, which can't be told.
            case (_, let error?), (.failure(let error), nil): encoder.write(.fail(item: item, error))
            }
        }
        return encoder.take()
    }

    /// What DONE says of it: whether it was so already.
    private func carryOut(_ change: Change) throws(OfficeError) -> Bool {
        switch change {
        case .makeFolder(let path, let parents):
            return try makeFolder(path, parents: parents)
        case .move(let from, let to, let force):
            try folder.move(from, to: to, replacing: force ? .always : .never)
            try folder.sync(to.parent)
            if from.parent != to.parent { try folder.sync(from.parent) }
        case .remove(let path, let recursive):
            try folder.remove(path, recursive: recursive)
            try folder.sync(path.parent)
        case .setModified(let path, let time):
            try folder.setModified(path, time)
        case .setExecutable(let path, let executable):
            try folder.setExecutable(path, executable)
        case .mark(let path, let key, let action):
            return try mark(path, key: key, action)
        }
        return false
    }

    private func makeFolder(_ path: RelativePath, parents: Bool) throws(OfficeError) -> Bool {
        guard parents else {
            try folder.makeDirectory(path)
            try folder.sync(path.parent)
            return false
        }
        var wasThere = true
        var way = RelativePath.root
        for name in path.components {
            let parent = way
            way = try way.appending(name)
            do throws(OfficeError) {
                try folder.makeDirectory(way)
                try folder.sync(parent)
                wasThere = false
            } catch  where error.code == .exists {
                // Through a link to a folder the next step succeeds; what is no folder fails there or here.
                if way == path, try destination.folder.entry(way).kind != .directory { throw error }
            }
        }
        return wasThere
    }

    /// A marker is a partial file that never gets content.
    private func mark(_ path: RelativePath, key: String, _ action: Change.MarkAction) throws(OfficeError) -> Bool {
        let marker = try receptions.open(path, key: "mark-" + key, in: destination)
        defer { receptions.close(marker) }
        let wasThere = !marker.isNew
        switch action {
        case .ask: if !wasThere { try marker.discard() }
        case .set: break
        case .clear: try marker.discard()
        }
        return wasThere
    }
}
