import OfficeCore
import OfficeFolders

/// What a local source is, before anything moves: the same walk that answers a peer's LIST.
struct LocalListing: Sendable {
    let root: Entry
    private(set) var inventory = Inventory()
    private(set) var failures: [OfficeError] = []

    /// Blocking. Throws what the path itself deserves; folders below that can't be read are in `failures`.
    init(_ path: RelativePath, in folder: Folder, recursive: Bool, stop: StopFlag) throws(OfficeError) {
        let limits = TransferLimits()
        root = try folder.entry(path)
        let maker = try ListMaker(
            ListRequest(path: path, recursive: recursive, withSelf: true), in: folder, limits: limits)
        while let buffer = maker.next() {
            try stop.check()
            var decoder = FrameDecoder(limits: limits)
            decoder.append(buffer)
            while let frame = try decoder.next() {
                switch frame {
                case .entries(let entries): inventory.append(entries)
                case .fail(_, let error): failures.append(error)
                default: break
                }
            }
        }
    }
}
