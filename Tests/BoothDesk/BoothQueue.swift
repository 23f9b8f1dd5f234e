package import OfficeCore
package import OfficePrinting

/// The queues that the booth shows: one that can everything, and one that can nothing.
package enum BoothQueue {
    package static let owner = NodeID(digest(1))
    package static let here = NodeID(digest(2))
    package static let laserName = "pc1_laser"
    package static let plainName = "pc1_plain"

    private static func digest(_ byte: UInt8) -> Digest256 {
        guard let digest = Digest256([UInt8](repeating: byte, count: Digest256.byteCount)) else {
            preconditionFailure("32 bytes are a digest")
        }
        return digest
    }

    /// As a good office printer's queue is told of.
    package static func laser(isOnline: Bool = true) throws -> DeskQueue {
        let description = QueueDescription(
            name: try Label("laser"), info: "Laser", model: "Acme LaserJet 4000", location: "by the window",
            color: true,
            formats: [
                "application/pdf", "application/postscript", "application/vnd.cups-raster", "image/jpeg", "image/png",
                "image/pwg-raster", "image/urf", "text/plain",
            ],
            media: [
                "iso_a4_210x297mm", "na_letter_8.5x11in", "na_legal_8.5x14in", "iso_a5_148x210mm", "na_index-4x6_4x6in",
                "custom_min_76.2x127mm", "custom_max_215.9x355.6mm",
            ],
            mediaDefault: "iso_a4_210x297mm", mediaReady: ["iso_a4_210x297mm", "na_letter_8.5x11in"],
            mediaSources: ["auto", "main", "manual"], mediaTypes: ["stationery", "photographic-glossy"],
            sides: ["one-sided", "two-sided-long-edge", "two-sided-short-edge"], sidesDefault: "one-sided",
            colorModes: ["auto", "color", "monochrome"], qualities: [3, 4, 5],
            resolutions: [.init(x: 300, y: 300), .init(x: 600, y: 600)], outputBins: ["face-down"],
            finishings: [3, 4], pagesPerMinute: 20, uuid: "urn:uuid:11111111-2222-3333-4444-555555555555",
            jobSheets: ["none", "standard", "confidential"])
        return DeskQueue(
            localName: laserName, owner: owner, ownerName: try Label("pc1"), description: description,
            isOnline: isOnline)
    }

    /// As a queue is told of that says nothing of itself.
    package static func plain() throws -> DeskQueue {
        DeskQueue(
            localName: plainName, owner: owner, ownerName: try Label("pc1"),
            description: QueueDescription(name: try Label("plain")), isOnline: true)
    }
}
