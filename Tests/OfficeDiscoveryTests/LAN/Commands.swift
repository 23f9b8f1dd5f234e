import Foundation

/// A command that failed, with what it said.
struct CommandFailure: Error, CustomStringConvertible {
    let description: String
}

/// Runs a command to its end, off the cooperative pool, and gives what it wrote to standard output.
@discardableResult
func command(_ words: [String]) async throws -> String {
    try await withCheckedThrowingContinuation { continuation in
        DispatchQueue.global().async {
            let process = Process()
            let output = Pipe()
            let errors = Pipe()
            process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
            process.arguments = words
            process.standardOutput = output
            process.standardError = errors
            process.standardInput = FileHandle.nullDevice
            do { try process.run() } catch { return continuation.resume(throwing: error) }
            // Daemons that fork keep standard error open: what they need is in standard output, or nowhere.
            let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            guard process.terminationStatus == 0 else {
                let why = String(decoding: errors.fileHandleForReading.availableData, as: UTF8.self)
                let said = words.joined(separator: " ") + ": " + why + text
                return continuation.resume(throwing: CommandFailure(description: said))
            }
            continuation.resume(returning: text)
        }
    }
}

@discardableResult
func command(_ line: String) async throws -> String {
    try await command(line.split(separator: " ").map(String.init))
}
