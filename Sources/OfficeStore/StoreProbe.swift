package import OfficeCore
import OfficeFolders
import Synchronization

/// One thing that a node is asked to do in the probe's folder, or to look at.
package enum ProbeStep: Codable, Sendable, Equatable {
    case begin
    case put(String, String)
    case overwrite(String, String)
    case remove(String)
    case read(String)
    case hold(String)
    case readHeld(String)
    case names
    case create(String)
    case link(String, String)
    case lock(String)
    case drop(String)
    /// Whether times have nanoseconds, and files attributes.
    case features(String)
    case fileSystem
    case end
}

package struct ProbeAnswer: Codable, Sendable, Equatable {
    /// What was read; nil: nothing is there.
    package var text: String?
    package var size: Int?
    package var names: [String]?
    /// Whether it came about.
    package var done: Bool?
    package var keepsNanoseconds: Bool?
    package var keepsAttributes: Bool?

    package init() {}
}

/// One node's hand in the probe: it does as it is told, in a folder of the store that is for nothing else.
package final class StoreProbe: Sendable {
    package static let folder = FileName(trusted: Array("probe".utf8))
    private static let longestToken = 64

    private let root: Folder
    private let place: RelativePath
    private let trial = Mutex<TrialFolder?>(nil)

    package init(at path: [UInt8], token: String) throws(OfficeError) {
        guard token.utf8.count <= Self.longestToken, token.allSatisfy(\.isHexDigit) else {
            throw OfficeError(.malformed, "probe", "that is no token")
        }
        root = try Folder(at: path)
        place = try RelativePath([Self.folder, try FileName(Array(token.utf8))])
    }

    package func perform(_ step: ProbeStep) throws(OfficeError) -> ProbeAnswer {
        var answer = ProbeAnswer()
        switch step {
        case .begin: try root.makeDirectories(place)
        case .fileSystem: answer.text = try root.fileSystem()
        case .end:
            trial.withLock { $0 = nil }
            try root.remove(place, recursive: true)
        default: try perform(step, in: try folder(), &answer)
        }
        return answer
    }

    private func perform(
        _ step: ProbeStep, in folder: TrialFolder, _ answer: inout ProbeAnswer
    ) throws(OfficeError) {
        switch step {
        case .put(let name, let text): try folder.put(Array(text.utf8), as: try FileName(name))
        case .overwrite(let name, let text): try folder.overwrite(Array(text.utf8), in: try FileName(name))
        case .remove(let name): try folder.remove(try FileName(name))
        case .read(let name): answer.take(try folder.read(try FileName(name)))
        case .hold(let name): try folder.hold(try FileName(name))
        case .readHeld(let name): answer.take(try folder.readHeld(try FileName(name)))
        case .names: answer.names = try folder.names().map { String(decoding: $0.bytes, as: UTF8.self) }.sorted()
        case .create(let name): answer.done = try folder.create(try FileName(name))
        case .link(let name, let other): answer.done = try folder.link(try FileName(name), as: try FileName(other))
        case .lock(let name): answer.done = try folder.lock(try FileName(name))
        case .drop(let name): folder.drop(try FileName(name))
        case .features(let name):
            answer.keepsNanoseconds = try folder.keepsNanoseconds(try FileName(name))
            answer.keepsAttributes = try folder.keepsAttributes(try FileName(name))
        case .begin, .fileSystem, .end: break
        }
    }

    private func folder() throws(OfficeError) -> TrialFolder {
        try trial.withLock { (trial) throws(OfficeError) in
            if let trial { return trial }
            let new = try TrialFolder(place, in: root)
            trial = new
            return new
        }
    }
}

extension ProbeAnswer {
    fileprivate mutating func take(_ found: (bytes: [UInt8], size: Int)?) {
        text = found.map { String(decoding: $0.bytes, as: UTF8.self) }
        size = found?.size
    }
}
