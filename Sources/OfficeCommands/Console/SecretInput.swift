import OfficeCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

extension Session {
    /// Reads a code or key from standard input's first line; at a terminal it is asked for.
    ///
    /// What is typed stays visible: it is copied from paper, and lives on a screen no longer than on that.
    func secretFromInput(prompt: String, what: String) async throws -> ByteString {
        if isatty(STDIN_FILENO) == 1 { console.prompt(prompt) }
        let line = try await console.readLine(limit: 4096)
        let isSpace = { (byte: UInt8) in byte == 0x20 || byte == 0x09 || byte == 0x0D }
        let trimmed = line.drop(while: isSpace).reversed().drop(while: isSpace).reversed()
        guard !trimmed.isEmpty else {
            throw OfficeError(.malformed, what, "standard input has none")
        }
        return ByteString(Array(trimmed))
    }
}
