import OfficeCore

/// What another node's queue is called in this machine's CUPS: `NODE_QUEUE`.
enum LocalQueueName {
    /// CUPS's names have no white space, `/`, `#`, quotes and backslashes, at most 127 bytes; ours are labels besides.
    static func of(owner: Label, queue: Label) -> Label {
        let text = "\(owner)_\(queue)"
        var name = ""
        for scalar in text.unicodeScalars {
            let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
            name.unicodeScalars.append(isPlain || scalar == "_" || scalar == "-" || scalar == "." ? scalar : "_")
        }
        if name.utf8.count > Label.maximumLength || name != text {
            // Two that differ only in what CUPS can't have stay two.
            name = String(name.prefix(Label.maximumLength - 9)) + "_" + Self.mark(text)
        }
        return (try? Label(name)) ?? queue
    }

    /// Eight digits of a hash of the text (FNV-1a): the same at each start.
    private static func mark(_ text: String) -> String {
        let hash = text.utf8.reduce(UInt32(2_166_136_261)) { ($0 ^ UInt32($1)) &* 16_777_619 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 8 - digits.count) + digits
    }
}
