internal import CLinux
package import Foundation
package import OfficeCore

/// What a finished command left.
package struct Output: Sendable, CustomStringConvertible {
    package var words: [String]
    package var exit: Exit
    package var stdoutBytes: Data
    package var stderrBytes: Data
    /// From its start to its end.
    package var took: Duration

    package var status: Int32 { exit.code }
    package var stdout: String { String(decoding: stdoutBytes, as: UTF8.self) }
    package var stderr: String { String(decoding: stderrBytes, as: UTF8.self) }
    /// Standard output by lines, without the empty one at the end.
    package var lines: [String] { stdout.split(separator: "\n", omittingEmptySubsequences: true).map(String.init) }

    package var description: String {
        "\(words.joined(separator: " ")) -> \(exit)\n--- stdout\n\(stdout)--- stderr\n\(stderr)"
    }

    /// The output when the command succeeded; otherwise an error with all it said.
    @discardableResult package func checked() throws(OfficeError) -> Output {
        guard exit == .status(0) else {
            throw OfficeError(.fault, words.joined(separator: " "), "\(exit): \(stderr)\(stdout)")
        }
        return self
    }

    /// Standard output as a JSON document of this type, once the command succeeded.
    package func json<Value: Decodable>(_ type: Value.Type = Value.self) throws -> Value {
        try checked()
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return try decoder.decode(type, from: stdoutBytes)
    }
}

/// Running a program of this machine, outside the lab's hosts unless `words` enter one.
package enum Command {
    /// Where programs are looked for, here and in the hosts.
    package static let path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    package static let environment = ["PATH": path, "LANG": "C.UTF-8", "HOME": "/root", "USER": "root"]

    /// Runs to the end, output kept. Output goes to files rather than pipes: what a command leaves running
    /// in the background can neither block it nor keep us waiting.
    package static func run(
        _ words: [String], environment: [String: String] = environment, input: Data = Data(),
        timeout: Duration = .seconds(60)
    ) async throws -> Output {
        let stdin = try AnonymousFile(input)
        let stdout = try AnonymousFile()
        let stderr = try AnonymousFile()
        let clock = ContinuousClock()
        let start = clock.now
        let child = try Child(
            words, environment: environment, input: stdin.descriptor, output: stdout.descriptor,
            error: stderr.descriptor)
        let exit = await child.ended(within: timeout)
        let output = Output(
            words: words, exit: exit ?? .signal(SIGKILL), stdoutBytes: stdout.contents, stderrBytes: stderr.contents,
            took: clock.now - start)
        guard exit != nil else {
            throw OfficeError(.temporary, words.joined(separator: " "), "not done after \(timeout):\n\(output)")
        }
        return output
    }

    /// Runs with this process's own standard output and error, for a person to watch.
    package static func show(
        _ words: [String], environment: [String: String] = environment, timeout: Duration = .seconds(600)
    ) async throws -> Exit {
        let stdin = try AnonymousFile()
        let child = try Child(words, environment: environment, input: stdin.descriptor, output: 1, error: 2)
        guard let exit = await child.ended(within: timeout) else {
            throw OfficeError(.temporary, words.joined(separator: " "), "not done after \(timeout)")
        }
        return exit
    }
}

/// A temporary file without a name, for a command's standard streams; closed when let go.
final class AnonymousFile: Sendable {
    let descriptor: Int32

    init(_ contents: Data = Data()) throws(OfficeError) {
        descriptor = os_openat(AT_FDCWD, "/tmp", Int32(os_O_TMPFILE) | O_RDWR | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else { throw .errno("open", of: "/tmp") }
        let written = contents.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard written == contents.count else { throw .errno("write", of: "/tmp") }
        lseek(descriptor, 0, SEEK_SET)
    }

    /// All of it, from the start, wherever its offset is.
    var contents: Data {
        var status = stat()
        fstat(descriptor, &status)
        var data = Data(count: Int(status.st_size))
        let count = data.withUnsafeMutableBytes { pread(descriptor, $0.baseAddress, $0.count, 0) }
        return data.prefix(max(0, count))
    }

    deinit { close(descriptor) }
}
