import OfficeCore

#if canImport(Glibc)
    import Glibc
#endif

/// The machine's own name: gethostname(2), without a domain.
enum HostName {
    static var label: Label {
        let name = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 256) { buffer -> String in
            guard let base = buffer.baseAddress, gethostname(base, 255) == 0 else { return "" }
            buffer[255] = 0
            return String(cString: base)
        }
        let first = name.split(separator: ".").first.map(String.init) ?? ""
        if first != Label.office, let label = try? Label(first) { return label }
        guard let fallback = try? Label("node") else { preconditionFailure("a literal is a name") }
        return fallback
    }
}
