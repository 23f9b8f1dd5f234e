package import OfficeCore

/// A copy that this node keeps of another's share: `pin`, `unpin`, `pins`.
package struct PinModel: Codable, Sendable {
    /// `NODE/SHARE`, or `office/SPACE`.
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

    /// Whether the file server keeps it because its owner has marked it so.
    package var kept: Bool

    package init(
        path: String, files: Int, bytes: Int64, complete: Bool, asOf: Timestamp?, problem: String?, kept: Bool
    ) {
        self.path = path
        self.files = files
        self.bytes = bytes
        self.complete = complete
        self.asOf = asOf
        self.problem = problem
        self.kept = kept
    }
}
