import Foundation
import NIOCore
import OfficeCore
import OfficeFolders
import OfficeTransfer
import Testing

/// A directory that goes when the test does, with a share of `pc1` in it and a place to copy to.
final class TestOffice: Sendable {
    let directory: String
    let responder: ShareResponder
    let pool = WorkPool()
    static let node = label("pc1")
    static let share = label("docs")

    init(limits: TransferLimits = TransferLimits()) throws {
        let base = FileManager.default.fileExists(atPath: "/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        directory = base + "/officeshare-test-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: directory + "/share", withIntermediateDirectories: true)
        try FileManager.default.createDirectory(atPath: directory + "/here", withIntermediateDirectories: true)
        responder = ShareResponder(limits: limits, pool: pool)
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }

    var share: String { directory + "/share" }
    var here: String { directory + "/here" }

    func transport(mayWrite: Bool = true, _ decide: @escaping LoopTransport.Decide = { _ in .none }) throws
        -> LoopTransport
    {
        LoopTransport(
            [Self.node: try Folder(at: Array(share.utf8))], responder: responder, mayWrite: mayWrite, decide: decide)
    }

    func place(_ path: String = "") throws -> RemotePlace {
        RemotePlace(node: Self.node, share: Self.share, path: try RelativePath(parsing: path))
    }

    func get(
        _ path: String, to destination: String = "", _ transport: LoopTransport? = nil,
        _ change: (inout TransferOptions) -> Void = { _ in }
    ) async throws -> TransferSummary {
        var options = TransferOptions()
        options.recursive = true
        change(&options)
        let downloader = Downloader(transport: try transport ?? self.transport(), pool: pool, options: options)
        return await downloader.get([try place(path)], to: Array((here + "/" + destination).utf8))
    }
}

func label(_ text: String) -> Label {
    do { return try Label(text) } catch { fatalError("\(error)") }
}

/// Bytes that look random and are the same each time.
func noise(_ count: Int, seed: UInt64 = 1) -> Data {
    var generator = Seeded(seed)
    var data = Data(count: count)
    data.withUnsafeMutableBytes { raw in
        var offset = 0
        while offset + 8 <= count {
            raw.storeBytes(of: generator.next(), toByteOffset: offset, as: UInt64.self)
            offset += 8
        }
        while offset < count {
            raw[offset] = UInt8(truncatingIfNeeded: generator.next())
            offset += 1
        }
    }
    return data
}

/// SplitMix64.
struct Seeded: RandomNumberGenerator {
    private var state: UInt64
    init(_ seed: UInt64) { state = seed }
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}

func write(_ data: Data, to path: String) throws {
    try data.write(to: URL(fileURLWithPath: path))
}

func content(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

/// What a tree is, one line for each name: enough to see any difference.
func fingerprint(_ root: String) throws -> [String] {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    let script = """
        cd "$0" && find . -printf '%P|%y|%s|%T@|%l|%m\\n' | sed 's/|d|[0-9]*|/|d||/' | LC_ALL=C sort; \
        find . -type f -print0 | LC_ALL=C sort -z | xargs -0 -r sha256sum
        """
    process.arguments = ["-c", script, root]
    let pipe = Foundation.Pipe()
    process.standardOutput = pipe
    try process.run()
    let data = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return data.split(separator: 10).map { $0.map { String(UnicodeScalar($0)) }.joined() }
}

func shell(_ script: String, in directory: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/bash")
    process.arguments = ["-c", script]
    process.currentDirectoryURL = URL(fileURLWithPath: directory)
    try process.run()
    process.waitUntilExit()
    #expect(process.terminationStatus == 0, "\(script)")
}
