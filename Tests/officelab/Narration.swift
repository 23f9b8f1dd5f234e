internal import Foundation
internal import Glibc

/// What the demo says as it goes, coloured only on a terminal.
struct Narration: Sendable {
    private let coloured = isatty(1) == 1 && ProcessInfo.processInfo.environment["NO_COLOR"] == nil

    /// A step begins.
    func step(_ text: String) { line("\n\(paint("1;36", "==>")) \(paint("1", text))") }

    /// Something is so.
    func note(_ text: String) { line("    \(text)") }

    /// A command somebody types: `alice@pc2$ officeshare ls`.
    func command(_ words: [String], by user: String, on host: String) {
        let sign = user == "root" ? "#" : "$"
        line("\(paint("32", "\(user)@\(host)\(sign)")) \(words.joined(separator: " "))")
    }

    /// What was promised held.
    func held(_ text: String) { line("    \(paint("32", "ok")) \(text)") }

    /// A command's output, indented below it.
    func output(_ text: String) {
        for row in text.split(separator: "\n", omittingEmptySubsequences: false).dropLast() { line("    \(row)") }
    }

    private func paint(_ code: String, _ text: String) -> String { coloured ? "\u{1b}[\(code)m\(text)\u{1b}[0m" : text }

    private func line(_ text: String) {
        print(text)
        fflush(nil)
    }
}
