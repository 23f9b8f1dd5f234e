import Foundation
import OfficeConfiguration
import OfficeCore

/// The repository this test was built from.
let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

/// A folder of its own for `body`, gone afterwards.
func withTemporaryFolder<Answer>(_ body: (URL) async throws -> Answer) async throws -> Answer {
    // Short: the path of a Unix socket has to fit 107 bytes.
    let folder = URL(filePath: "/tmp/officeshared-\(UInt32.random(in: 0 ... .max))")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: false)
    defer { try? FileManager.default.removeItem(at: folder) }
    return try await body(folder)
}

/// What comes of a configuration file with this text, and of flags and variables beside it.
func reading(
    _ yaml: String = "", set flags: [(String, String)] = [], environment: [String: String] = [:]
) async throws -> SettingsReader.Reading {
    try await withTemporaryFolder { folder in
        let file = folder.appending(path: "c.yaml")
        try Data(yaml.utf8).write(to: file)
        let flags = flags.map { SettingsReader.Flag(spelling: "--set \($0.0)", key: $0.0, value: $0.1) }
        var reading = await SettingsReader(file: file.path, flags: flags, environment: environment).read()
        for index in reading.problems.indices {
            reading.problems[index].what.replace(file.path, with: "c.yaml")
        }
        return reading
    }
}
