import OfficeCore

/// What a share needs its service to be able to do in the folder.
package enum GrantAccess: String, Codable, Sendable, Hashable, CaseIterable {
    case readOnly = "ro"
    case readWrite = "rw"

    var onFiles: Rights { self == .readOnly ? .read : [.read, .write] }
    var onFolders: Rights { self == .readOnly ? [.read, .execute] : .all }
}

/// What a grant changed, so that exactly this can be taken back. Keep it with the share (JSON, at most some MB).
///
/// Below the folder only exceptions are noted: files and folders that had access lists of their own. Of all
/// others the former state follows from the present one.
package struct GrantRecord: Codable, Sendable, Hashable {
    /// How many exceptions are noted at most. Of what is beyond, the rights are kept, though not the exact list.
    package static let maximumExceptions = 10_000
    /// And how many bytes they take: a record travels in one request.
    package static let maximumExceptionBytes = 2 << 20

    /// The user that was given access.
    package let service: UInt32
    /// The folder's owner.
    package let owner: UInt32
    /// The folder's canonical absolute path, percent-encoded.
    package let path: String
    package let device: UInt64
    package let inode: UInt64
    package internal(set) var access: GrantAccess
    /// The folders on the way that the service was let through.
    var ancestors: [Saved]
    /// Relative to the folder.
    var exceptions: [Saved]

    /// The access lists of one file or folder as they were.
    struct Saved: Codable, Sendable, Hashable {
        /// Percent-encoded.
        var path: String
        /// The value of the extended attribute in hexadecimal; nil where there was none.
        var access: String?
        var defaults: String?

        init(path: String, access: AccessList?, defaults: AccessList?) {
            self.path = path
            self.access = access.map { hexEncoded($0.attribute) }
            self.defaults = defaults.map { hexEncoded($0.attribute) }
        }

        /// About the bytes it takes as JSON.
        var weight: Int { path.utf8.count + (access?.utf8.count ?? 4) + (defaults?.utf8.count ?? 4) + 64 }

        var accessList: AccessList? { access.flatMap { hexDecoded($0) }.flatMap { AccessList(attribute: $0) } }
        var defaultList: AccessList? { defaults.flatMap { hexDecoded($0) }.flatMap { AccessList(attribute: $0) } }
    }
}

/// One thing that a grant, or taking it back, did or could not do.
package enum GrantChange: Sendable, Hashable, CustomStringConvertible {
    /// The service may pass through this folder, which is on the way.
    case passage(String)
    case passageTakenBack(String)
    /// So many were made accessible.
    case granted(folders: Int, files: Int, GrantAccess)
    case takenBack(folders: Int, files: Int)
    /// So many belong to others, and only those can give access to them; some of their names.
    case beyond(count: Int, examples: [String])
    /// Too many have access lists of their own for all to be noted.
    case unrecorded(count: Int)
    /// The folder is not there any more.
    case gone(String)

    /// For people, on one line.
    package var description: String {
        switch self {
        case .passage(let path): "the service may now pass through \(path)"
        case .passageTakenBack(let path): "the service may no longer pass through \(path)"
        case .granted(let folders, let files, let access):
            "the service may now \(access == .readOnly ? "read" : "read and write") "
                + "\(Self.count(folders, files)), and what is put there later"
        case .takenBack(let folders, let files): "took the service's access back from \(Self.count(folders, files))"
        case .beyond(let count, let examples):
            "\(count) in it belong to others, who alone can give access to them: " + examples.joined(separator: ", ")
                + (count > examples.count ? ", …" : "")
        case .unrecorded(let count):
            "\(count) more have access lists of their own; their rights will be kept, not the exact lists"
        case .gone(let path): "\(path) is not there any more"
        }
    }

    private static func count(_ folders: Int, _ files: Int) -> String {
        "\(folders) folder\(folders == 1 ? "" : "s") and \(files) file\(files == 1 ? "" : "s")"
    }
}

/// What came of a grant.
package struct GrantOutcome: Sendable {
    package let record: GrantRecord
    /// Empty where all was as it should be already.
    package let changes: [GrantChange]
}
