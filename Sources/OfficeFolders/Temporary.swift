import OfficeCore

/// The names of officeshare's own temporaries. All begin with `FileName.reservedPrefix`.
enum Temporary {
    /// The partial file and its journal that stand for `name` in a transfer. Another user's are others, for
    /// one's files are nothing the other could go on with.
    static func partial(for name: [UInt8], key: String, user: UInt32) -> (content: FileName, journal: FileName) {
        let seed = Array("\(user)/\(key.utf8.count)/\(key)/".utf8) + name
        let digest = Digest256.of(seed).hex.prefix(32)
        return (reserved(content + digest), reserved(journal + digest))
    }

    private static let content = "part-"
    private static let journal = "journal-"

    /// The journal's name of a content's, and the other way round; nil of another name.
    static func otherHalf(of name: FileName) -> FileName? {
        let rest = name.bytes.dropFirst(FileName.reservedPrefix.count)
        for (one, other) in [(content, journal), (journal, content)] where rest.starts(with: one.utf8) {
            return reserved(other + String(decoding: rest.dropFirst(one.utf8.count), as: UTF8.self))
        }
        return nil
    }

    /// A name that nobody has.
    static func unique() -> FileName { reserved("new-" + token()) }

    static func token() -> String {
        var generator = SystemRandomNumberGenerator()
        return hexEncoded((0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
    }

    private static func reserved(_ rest: String) -> FileName {
        FileName(trusted: FileName.reservedPrefix + Array(rest.utf8))
    }
}
