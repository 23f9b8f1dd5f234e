import Dispatch
import NIOCore
import OfficeCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#elseif canImport(Darwin)
    import Darwin
#endif

/// Standard input, output and error of this process, on one queue of their own: a terminal that stands still
/// (Ctrl-S) or a slow pipe must hold up nothing else, and what is written keeps its order.
final class Console: Sendable {
    /// Whoever read our output has gone: nobody is left to tell.
    struct ReaderGone: Error {}

    private let queue = DispatchQueue(label: "officeshare.console")
    private let output: Int32
    private let error: Int32
    private let state = Mutex(State())

    private struct State {
        /// Whether the line of progress stands on the terminal now.
        var isDrawn = false
        /// Whether a redraw waits in the queue: at most one does.
        var isDrawing = false
        var isReaderGone = false
    }

    init(output: Int32 = STDOUT_FILENO, error: Int32 = STDERR_FILENO) {
        self.output = output
        self.error = error
    }

    /// Whether a write to standard output failed because nobody reads it. On its way up the error itself may have
    /// become a lost connection: whoever carries a stream doesn't know why it was broken off.
    var isReaderGone: Bool { state.withLock { $0.isReaderGone } }

    /// Writes to standard output; returns when the kernel has taken it all.
    func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            queue.async {
                self.eraseProgress()
                done.resume(with: Result { try bytes.withUnsafeBytes(self.writeOutput) })
            }
        }
    }

    /// The same, without a copy: for contents.
    func write(_ buffer: ByteBuffer) async throws {
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<Void, any Error>) in
            queue.async {
                self.eraseProgress()
                done.resume(with: Result { try buffer.withUnsafeReadableBytes(self.writeOutput) })
            }
        }
    }

    func write(_ text: String) async throws {
        try await write(Array(text.utf8))
    }

    /// A line for people on standard error. Not waited for.
    func note(_ line: String) {
        queue.async {
            self.eraseProgress()
            // Nobody to tell that standard error is gone.
            try? Self.writeAll(Array((line + "\n").utf8), to: self.error)
        }
    }

    /// A question on standard error, to be answered behind it.
    func prompt(_ text: String) {
        queue.async { try? Self.writeAll(Array(text.utf8), to: self.error) }
    }

    /// Draws the line of progress over the one before; a redraw that can't keep up is dropped.
    func drawProgress(_ line: String) {
        let isFirst = state.withLock { state in
            defer { state.isDrawing = true }
            return !state.isDrawing
        }
        guard isFirst else { return }
        queue.async {
            self.state.withLock {
                $0.isDrawing = false
                $0.isDrawn = true
            }
            // Carriage return, the line, erase to its end.
            try? Self.writeAll(Array("\r\(line)\u{1B}[K".utf8), to: self.error)
        }
    }

    /// Takes the line of progress away.
    func clearProgress() {
        queue.async { self.eraseProgress() }
    }

    /// Reads standard input up to its first line's end or `limit` bytes, without the newline.
    func readLine(limit: Int) async throws -> [UInt8] {
        try await withCheckedThrowingContinuation { (done: CheckedContinuation<[UInt8], any Error>) in
            queue.async { done.resume(with: Result { try Self.readLine(limit: limit) }) }
        }
    }

    /// Waits until everything is written.
    func finish() {
        queue.sync { eraseProgress() }
    }

    private func eraseProgress() {
        let wasDrawn = state.withLock { state in
            defer { state.isDrawn = false }
            return state.isDrawn
        }
        if wasDrawn { try? Self.writeAll(Array("\r\u{1B}[K".utf8), to: self.error) }
    }

    private func writeOutput(_ bytes: UnsafeRawBufferPointer) throws {
        do {
            try Self.writeAll(bytes, to: output)
        } catch let error as ReaderGone {
            state.withLock { $0.isReaderGone = true }
            throw error
        }
    }

    private static func writeAll(_ bytes: [UInt8], to descriptor: Int32) throws {
        try bytes.withUnsafeBytes { try writeAll($0, to: descriptor) }
    }

    private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) throws {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = systemWrite(descriptor, UnsafeRawBufferPointer(rebasing: rest))
            if count >= 0 {
                rest = rest.dropFirst(count)
            } else if errno == EAGAIN {
                // Someone else made the terminal or pipe non-blocking.
                var waiting = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&waiting, 1, -1)
            } else if errno == EPIPE {
                throw ReaderGone()
            } else if errno != EINTR {
                let reason = String(cString: strerror(errno))
                throw OfficeError(
                    errno == ENOSPC ? .noSpace : .io, "output", "standard output can't be written: \(reason)")
            }
        }
    }

    private static func systemWrite(_ descriptor: Int32, _ bytes: UnsafeRawBufferPointer) -> Int {
        #if canImport(Glibc)
            Glibc.write(descriptor, bytes.baseAddress, bytes.count)
        #else
            Darwin.write(descriptor, bytes.baseAddress, bytes.count)
        #endif
    }

    private static func readLine(limit: Int) throws -> [UInt8] {
        var line: [UInt8] = []
        // One byte at a time: what is behind the newline belongs to whoever reads next.
        while line.count <= limit {
            var byte: UInt8 = 0
            let count = read(STDIN_FILENO, &byte, 1)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw OfficeError(.io, "input", "it can't be read: \(String(cString: strerror(errno)))")
            }
            guard count == 1, byte != 0x0A else { return line }
            line.append(byte)
        }
        throw OfficeError(.malformed, "input", "its first line is over \(limit) bytes long")
    }
}
