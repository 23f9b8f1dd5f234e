import OfficeCore

/// A version token that names content instead of a version: any node that has it can be asked for it by that.
enum ContentToken {
    private static let prefix = "root:"

    static func token(of root: ContentRoot) -> String { prefix + root.description }

    /// nil for a token of another kind: those are known to who gave them alone.
    static func root(of token: String) -> ContentRoot? {
        guard token.hasPrefix(prefix) else { return nil }
        return try? ContentRoot(hex: token.dropFirst(prefix.count))
    }
}
