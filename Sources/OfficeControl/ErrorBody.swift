package import NIOCore
package import OfficeCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

/// How an error travels as the body of an HTTP answer: `{"error":{"code","what","why","mend"}}`.
package enum ErrorBody {
    package static func encode(_ error: OfficeError) -> ByteBuffer {
        // Strings only: encoding them can't fail, and if it did an empty object says as much.
        let data = (try? JSONEncoder().encode(OfficeError.Envelope(error))) ?? Data("{}".utf8)
        return ByteBuffer(bytes: data)
    }

    /// What was answered, or what the status means where the body is no error of ours.
    package static func decode(_ body: ByteBuffer, status: Int) -> OfficeError {
        if let envelope = try? JSONDecoder().decode(OfficeError.Envelope.self, from: Data(body.readableBytesView)) {
            return envelope.error
        }
        return OfficeError(.init(httpStatus: status), "request", "it was answered with HTTP status \(status)")
    }
}
