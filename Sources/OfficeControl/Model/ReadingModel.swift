package import OfficeCore
package import OfficeTransfer

#if canImport(FoundationEssentials)
    package import FoundationEssentials
#else
    package import Foundation
#endif

/// `POST /v1/readings/NODE/SHARE`: what a program of this machine reads.
package struct ReadingModel: Codable, Sendable {
    /// Percent-encoded.
    package var path: String
    package var size: Int64
    package var root: String?
    /// The manifest: its digests, one behind the other.
    package var leaves: Data?
    /// The blocks that are there: a bit for each.
    package var held: Data?

    package init(_ reading: ContentReading) {
        path = percentEncoded(reading.path.bytes)
        size = reading.size
        root = reading.root?.description
        leaves = reading.leaves.map { Data($0.flatMap(\.bytes)) }
        held = reading.held.map { Data($0.bitmap) }
    }

    package var reading: ContentReading {
        get throws(OfficeError) {
            guard (0...TransferLimits().fileBytes).contains(size) else {
                throw OfficeError(.malformed, "request", "a size that no file has")
            }
            var reading = ContentReading(path: try RelativePath(parsing: try percentDecoded(path)), size: size)
            reading.root = try root.map { (text) throws(OfficeError) in try ContentRoot(hex: text) }
            reading.leaves = leaves.map { bytes in
                stride(from: 0, to: bytes.count, by: Digest256.byteCount)
                    .compactMap { Digest256(bytes.dropFirst($0).prefix(Digest256.byteCount)) }
            }
            reading.held = held.flatMap { BlockSet(capacity: BlockGeometry(size: size).count, bitmap: $0) }
            return reading
        }
    }
}

/// Its answer: who else reads the same; without a root nobody does.
package struct DemandModel: Codable, Sendable {
    package struct Holder: Codable, Sendable {
        package var name: Label
        package var key: UInt64
        package var isReading: Bool
    }

    package var root: ContentRoot?
    package var own: UInt64
    package var holders: [Holder]
    package var needsManifest: Bool

    package init(_ demand: ContentDemand?) {
        root = demand?.root
        own = demand?.own ?? 0
        holders = demand?.holders.map { Holder(name: $0.name, key: $0.key, isReading: $0.isReading) } ?? []
        needsManifest = demand?.needsManifest ?? false
    }

    package var demand: ContentDemand? {
        root.map {
            ContentDemand(
                root: $0, own: own,
                holders: holders.map { .init(name: $0.name, key: $0.key, isReading: $0.isReading) },
                needsManifest: needsManifest)
        }
    }
}
