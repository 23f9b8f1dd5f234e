package import NIOCore
package import OfficeCore

/// Cuts a stream of bytes into lines; a line over the limit is an error, not a growing buffer.
package struct LineSplitter {
    private var rest: [UInt8] = []
    private let limit: Int

    package init(limit: Int) { self.limit = limit }

    /// The lines that are complete now, without their newlines; empty ones (heartbeats) included.
    package mutating func feed(_ piece: ByteBuffer) throws(OfficeError) -> [String] {
        var lines: [String] = []
        var view = piece.readableBytesView[...]
        while let end = view.firstIndex(of: 0x0A) {
            rest += view[..<end]
            lines.append(String(decoding: rest, as: UTF8.self))
            rest.removeAll(keepingCapacity: true)
            view = view[(end + 1)...]
        }
        rest += view
        guard rest.count <= limit else {
            throw OfficeError(.limit, "stream", "a line is over \(limit) bytes long")
        }
        return lines
    }
}
