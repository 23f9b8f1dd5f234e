package import OfficeCore

/// Who replaced or removed something.
package struct Author: Hashable, Sendable, Codable {
    /// As the node said.
    package let user: String
    /// The first half of the node's id; empty of somebody without a node.
    package let node: String

    package init(user: String, node: String) {
        self.user = user
        self.node = node
    }

    package init(user: String, node: NodeID) { self.init(user: user, node: node.short) }
}

/// What makes up the name of a kept file: all that is known of a version beside what the file itself tells, so that
/// nothing else has to be written, and a version is there or not by one system call.
///
/// `NUMBER.TIME.HOW.USER@NODE`, the last percent-encoded.
package struct VersionName: Hashable, Sendable {
    package enum How: String, Sendable {
        case replaced = "r"
        case removed = "d"
    }

    /// Grows with each thing that is kept in a space. It orders versions; times only inform.
    package let number: Int64
    /// Seconds since 1970 at which it was replaced.
    package let time: Int64
    package let how: How
    package let author: Author

    package init(number: Int64, time: Int64, how: How, author: Author) {
        self.number = number
        self.time = time
        self.how = how
        self.author = author
    }

    /// Digits of the number in file names, so that they sort.
    private static let digits = 14

    package var fileName: String {
        let digits = String(number)
        let padding = String(repeating: "0", count: max(0, Self.digits - digits.count))
        let author = percentEncoded(self.author.user.utf8) + "@" + self.author.node
        return "\(padding)\(digits).\(time).\(how.rawValue).\(author)"
    }

    /// nil of a file that is no version.
    package init?(_ name: FileName) {
        guard let text = String(validating: name.bytes, as: UTF8.self) else { return nil }
        let parts = text.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
        guard parts.count == 4, let number = Int64(parts[0]), number > 0, let time = Int64(parts[1]),
            let how = How(rawValue: String(parts[2])), let at = parts[3].lastIndex(of: "@"),
            let user = try? percentDecoded(String(parts[3][..<at]))
        else { return nil }
        self.init(
            number: number, time: time, how: how,
            author: Author(
                user: String(decoding: user, as: UTF8.self), node: String(parts[3][parts[3].index(after: at)...])))
    }
}

/// Something that had a path once.
package struct KeptVersion: Sendable {
    package let name: VersionName
    /// The path it had.
    package let path: RelativePath
    /// File or link, with size and time.
    package let entry: Entry
    /// Where it is in the shelf.
    let place: RelativePath
}
