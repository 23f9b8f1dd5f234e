#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// What stands behind standard output and standard error: a person at a terminal, or a program.
struct Terminal: Sendable {
    /// Columns of standard output where it is a terminal.
    let width: Int?
    /// Columns of standard error where progress may be drawn on it.
    let progressWidth: Int?
    let hasColours: Bool

    init(width: Int?, progressWidth: Int?, hasColours: Bool) {
        self.width = width
        self.progressWidth = progressWidth
        self.hasColours = hasColours
    }

    /// This process's. `NO_COLOR` (https://no-color.org), `TERM=dumb` and `--quiet` mean no colours and no bars.
    static func current(quiet: Bool) -> Terminal {
        let isPlain = quiet || !(environment("NO_COLOR") ?? "").isEmpty || environment("TERM") == "dumb"
        let output = columns(of: STDOUT_FILENO)
        return Terminal(
            width: output, progressWidth: isPlain ? nil : columns(of: STDERR_FILENO),
            hasColours: output != nil && !isPlain)
    }

    static func environment(_ name: String) -> String? {
        getenv(name).map { String(cString: $0) }
    }

    private static func columns(of descriptor: Int32) -> Int? {
        guard isatty(descriptor) == 1 else { return nil }
        var size = winsize()
        let isKnown = ioctl(descriptor, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0
        return isKnown ? Int(size.ws_col) : 80
    }

    /// SGR codes (ECMA-48) around a text, where colours are wanted.
    func styled(_ text: String, _ style: Style?) -> String {
        guard hasColours, let style else { return text }
        return "\u{1B}[\(style.rawValue)m\(text)\u{1B}[0m"
    }

    enum Style: String, Sendable {
        case bold = "1"
        case dim = "2"
        case red = "31"
        case green = "32"
        case yellow = "33"
        case blue = "34"
        case cyan = "36"
    }
}
