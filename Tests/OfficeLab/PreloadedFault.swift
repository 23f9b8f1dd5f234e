internal import Foundation

/// What goes wrong in one process, by a small library that it is started with (ld.so(8), LD_PRELOAD).
protocol PreloadedFault: Sendable {
    /// The library's.
    static var name: String { get }
    /// In C.
    static var source: String { get }
    /// How the library is told what to do.
    var environment: [String: String] { get }
}

extension PreloadedFault {
    /// Makes the library, at `path`, by the C compiler.
    static func make(at path: String) async throws {
        let text = "\(path).c"
        try Data(source.utf8).write(to: URL(fileURLWithPath: text))
        try await Command.run(["cc", "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-o", path, text]).checked()
    }
}
