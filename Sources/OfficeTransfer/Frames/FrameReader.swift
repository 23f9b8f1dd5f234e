import NIOCore
import OfficeCore

/// The frames of a body, as many at a time as have come: so that what is small costs no step of its own.
struct FrameReader {
    private var pieces: BodyStream.AsyncIterator
    private var decoder: FrameDecoder
    private var pings = 0

    init(_ body: BodyStream, limits: TransferLimits) {
        pieces = body.makeAsyncIterator()
        decoder = FrameDecoder(limits: limits)
    }

    /// The next frames, at least one and at most `limit`, without PINGs; nil at the end of the body. Throws
    /// `.temporary` where the body ends within a frame: it was cut.
    mutating func next(upTo limit: Int = .max) async throws -> [Frame]? {
        while true {
            var frames: [Frame] = []
            while frames.count < limit, let frame = try decoder.next() {
                pings = frame == .ping ? pings + 1 : 0
                guard pings < SignsOfLife.limit else { throw malformed("nothing but signs of life") }
                if frame != .ping { frames.append(frame) }
            }
            if !frames.isEmpty { return frames }
            guard let piece = try await pieces.next() else {
                guard decoder.isAtBoundary else { throw cutOff() }
                return nil
            }
            decoder.append(piece)
        }
    }

    /// Reads the body to its end, where nothing but signs of life may come any more: only then can what carries it
    /// be used again.
    mutating func drain() async throws {
        while let frames = try await next() {
            for frame in frames {
                guard case .progress = frame else { throw malformed("frames behind the end") }
            }
        }
    }
}

enum SignsOfLife {
    /// PINGs without another frame between them that are believed: one a second, for an hour.
    static let limit = 3600
}

/// The error for a body that ends before it is over.
func cutOff() -> OfficeError {
    OfficeError(.temporary, "transfer", "the connection was lost", mend: "Run the same again to go on.")
}
