/// What kind of document some bytes begin.
package enum DocumentFormat {
    /// Bytes of a document's beginning that are enough to tell.
    package static let wanted = 4_096

    package static func of(_ head: [UInt8]) -> String {
        if head.starts(with: "%PDF".utf8) { return "application/pdf" }
        return "application/octet-stream"
    }
}
