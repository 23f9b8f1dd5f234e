import OfficeCore

/// The accounts of a space: what is in it, what is promised, and how much may be. Pure; whoever has it locks it.
struct SpaceBook: Sendable {
    private(set) var files: Int
    private(set) var bytes: Int64
    /// Room that is held for files on their way.
    private(set) var reserved: Int64 = 0
    var quota: Int64?

    init(files: Int, bytes: Int64, quota: Int64?) {
        self.files = files
        self.bytes = bytes
        self.quota = quota
    }

    /// Holds room for something that takes so many bytes more than what it replaces.
    mutating func reserve(_ growth: Int64, _ space: Label, _ what: String) throws(OfficeError) -> Int64 {
        let held = max(0, growth)
        try checkRoom(for: held, besides: 0, space, what)
        reserved += held
        return held
    }

    mutating func release(_ held: Int64) { reserved -= held }

    /// Whether there is room for `growth` bytes, of which `held` are reserved already.
    func checkRoom(for growth: Int64, besides held: Int64, _ space: Label, _ what: String) throws(OfficeError) {
        guard let quota, growth > 0 else { return }
        let free = quota - bytes - (reserved - held)
        guard growth > free else { return }
        throw OfficeError(
            .overQuota, what,
            "the quota of '\(space)', \(quota) bytes, has \(max(0, free)) left and this needs \(growth)",
            mend: "Remove something there, or raise it with 'officeshare space set \(space) --quota SIZE'.")
    }

    mutating func changed(files: Int, bytes: Int64) {
        self.files += files
        self.bytes += bytes
    }
}
