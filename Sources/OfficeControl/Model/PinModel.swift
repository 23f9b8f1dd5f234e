package import OfficeCore

/// A copy that this node keeps of another's share: `pin`, `unpin`, `pins`.
package struct PinModel: Codable, Sendable {
    /// `NODE/SHARE`.
    package var path: String
    /// What was in the share when it was copied whole last.
    package var files: Int
    package var bytes: Int64
    /// Whether everything had come at the last look.
    package var complete: Bool
    /// When the copy was whole; null while there was no such moment.
    @OrNull package var asOf: Timestamp?
    /// Why it isn't up to date, where it is known.
    @OrNull package var problem: String?

    package init(path: String, files: Int, bytes: Int64, complete: Bool, asOf: Timestamp?, problem: String?) {
        self.path = path
        self.files = files
        self.bytes = bytes
        self.complete = complete
        self.asOf = asOf
        self.problem = problem
    }
}
