import Crypto
package import NIOCore
package import OfficeCore

#if canImport(Glibc)
    import Glibc
#endif

/// One document on its way into the spool: hashed as it is written, there for good only after `finish`.
package actor DocumentWriter {
    package struct Written: Sendable, Hashable {
        package var size: Int64
        package var digest: Digest256
    }

    private static let pieceBytes = 256 << 10

    private let executor = BlockingExecutor(label: "officeshare.spool")
    package nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    private let spool: Spool
    private let job: JobID
    private var descriptor: CInt = -1
    private var hash = SHA256()
    /// Bytes written.
    package private(set) var size: Int64 = 0

    /// Begins a document anew, or (`resuming`) goes on with the half that is there: `size` says how much that is.
    package init(_ job: JobID, in spool: Spool, resuming: Bool = false) async throws(OfficeError) {
        self.spool = spool
        self.job = job
        try begin(resuming: resuming)
    }

    deinit {
        if descriptor >= 0 { close(descriptor) }
    }

    private func begin(resuming: Bool) throws(OfficeError) {
        descriptor = try spool.openPart(of: job, truncating: !resuming)
        guard resuming else { return }
        // What was written before counts for the hash as well.
        var buffer = [UInt8](repeating: 0, count: Self.pieceBytes)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            guard count >= 0 else { throw Spool.failure(job.description) }
            guard count > 0 else { return }
            hash.update(data: buffer[..<count])
            size += Int64(count)
        }
    }

    /// Appends. Throws `.noSpace` where the spool or its disk is full.
    package func write(_ piece: ByteBuffer) throws(OfficeError) {
        let count = Int64(piece.readableBytes)
        try spool.take(count)
        var failed: OfficeError?
        piece.withUnsafeReadableBytes { bytes in
            var rest = bytes[...]
            while !rest.isEmpty {
                let written = Glibc.write(descriptor, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
                if written < 0, errno == EINTR { continue }
                guard written > 0 else {
                    failed = Spool.failure(job.description)
                    // What was written of the piece stays counted as the file's.
                    spool.give(back: Int64(rest.count))
                    return
                }
                hash.update(bufferPointer: UnsafeRawBufferPointer(rebasing: rest.prefix(written)))
                size += Int64(written)
                rest = rest.dropFirst(written)
            }
        }
        if let failed { throw failed }
    }

    /// The digest so far.
    package var digest: Digest256 {
        get throws(OfficeError) {
            guard let digest = Digest256(Array(hash.finalize())) else {
                throw OfficeError(.fault, job.description, "a digest has another length than SHA-256's")
            }
            return digest
        }
    }

    /// Makes the document durable and gives it its name.
    package func finish() throws(OfficeError) -> Written {
        let written = Written(size: size, digest: try digest)
        try spool.commit(descriptor, as: job)
        close(descriptor)
        descriptor = -1
        return written
    }

    /// Lets go of it; a half that is kept can be gone on with.
    package func abandon(keepingHalf: Bool) {
        close(descriptor)
        descriptor = -1
        if !keepingHalf { spool.remove(job) }
    }
}
