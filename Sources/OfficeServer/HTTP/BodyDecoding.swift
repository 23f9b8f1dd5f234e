import NIOCore
import OfficeCore
import OfficeTransfer

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension AsyncSequence where Element == ByteBuffer {
    /// The whole body, at most `limit` bytes of it.
    func collected(limit: Int) async throws -> ByteBuffer {
        var whole = ByteBuffer()
        for try await piece in self {
            guard whole.readableBytes + piece.readableBytes <= limit else {
                throw OfficeError(.limit, "request", "its body is over \(limit) bytes")
            }
            whole.writeImmutableBuffer(piece)
        }
        return whole
    }

    /// The whole body as JSON.
    func decoded<Value: Decodable>(as type: Value.Type, limit: Int) async throws -> Value {
        let whole = try await collected(limit: limit)
        do {
            return try JSONDecoder().decode(type, from: Data(whole.readableBytesView))
        } catch let error as OfficeError {
            throw error
        } catch {
            throw OfficeError(.malformed, "request", "its body can't be read as \(type)")
        }
    }
}

extension ByteBuffer {
    /// All of it as JSON.
    func decoded<Value: Decodable>(as type: Value.Type) throws -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(readableBytesView))
        } catch let error as OfficeError {
            throw error
        } catch {
            throw OfficeError(.malformed, "request", "it can't be read as \(type)")
        }
    }
}
