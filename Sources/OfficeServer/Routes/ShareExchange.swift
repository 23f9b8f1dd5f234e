import Hummingbird
import NIOConcurrencyHelpers
import NIOCore
import OfficeControl
import OfficeCore
import OfficeTransfer

/// Answers one exchange with a share as frames. Whatever goes wrong once the answer has begun travels as a frame
/// too, as long as nothing was cut off in the middle of one.
func shareResponse(_ exchange: @escaping @Sendable (_ write: @escaping BodyWriter) async throws -> Void) -> Response {
    .streaming(FrameMediaType.name) { write in
        let began = NIOLockedValueBox(false)
        do {
            try await exchange { piece in
                began.withLockedValue { $0 = true }
                try await write(piece)
            }
        } catch let error as OfficeError where !began.withLockedValue({ $0 }) {
            try await write(FrameEncoder.encoded(.fail(item: Frame.wholeExchange, error)))
        }
    }
}
