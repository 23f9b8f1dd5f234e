import CLinux
import HTTPTypes
import NIOCore
import OfficeControl
import OfficeCore
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// One document on its way into the spool of this machine: read as the user who called, checked before it is sent.
struct Submission {
    private static let headBytes = 4_096
    private static let pieceBytes = 256 << 10

    let file: ByteString
    let session: Session

    func submit(to target: String?, title: String?, options: [String], hold: Bool) async throws -> PrintedModel {
        let file = file
        let descriptor = try await blocking { try Self.open(file) }
        defer { if !file.isStandardInput { close(descriptor) } }
        let shown = file.isStandardInput ? "standard input" : file.description
        let head = try await blocking { try Self.read(descriptor, Self.headBytes, shown) }
        guard !head.isEmpty else {
            throw OfficeError(.malformed, shown, "it is empty", mend: "Print something.")
        }
        let request = PrintRequest(
            to: target, title: title ?? Self.title(of: file), options: options, hold: hold, head: Base64.encode(head))
        let job: PrintedModel
        do {
            job = try await session.client.send(.post, "/v1/jobs", request)
        } catch let error as OfficeError where error.what == request.title {
            throw error.about(shown)
        }
        try await session.client.upload(.put, "/v1/jobs/\(job.id)/document") { write in
            try await write(ByteBuffer(bytes: head))
            while true {
                let piece = try await blocking { try Self.read(descriptor, Self.pieceBytes, shown) }
                guard !piece.isEmpty else { return }
                try await write(ByteBuffer(bytes: piece))
            }
        }
        return job
    }

    private static func title(of file: ByteString) -> String {
        guard !file.isStandardInput else { return "standard input" }
        let name = file.bytes.split(separator: UInt8(ascii: "/")).last ?? []
        return String(decoding: name, as: UTF8.self)
    }

    private static func open(_ file: ByteString) throws(OfficeError) -> CInt {
        guard !file.isStandardInput else { return STDIN_FILENO }
        let path = file.bytes.map { CChar(bitPattern: $0) } + [0]
        let descriptor = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw failure(file.description, errno) }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT != S_IFDIR else {
            close(descriptor)
            throw OfficeError(.malformed, file.description, "it is a folder", mend: "Name the files in it.")
        }
        return descriptor
    }

    /// The next bytes, as many as there are up to `count`; none at the end.
    private static func read(_ descriptor: CInt, _ count: Int, _ shown: String) throws(OfficeError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                Glibc.read(descriptor, buffer.baseAddress?.advanced(by: filled), count - filled)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw failure(shown, errno) }
            if got == 0 { break }
            filled += got
        }
        return Array(bytes[..<filled])
    }

    private static func failure(_ shown: String, _ cause: CInt) -> OfficeError {
        let why = String(cString: strerror(cause))
        return switch cause {
        case ENOENT, ENOTDIR: OfficeError(.notFound, shown, "there is no such file")
        case EACCES, EPERM: OfficeError(.notAllowed, shown, "you may not read it")
        default: OfficeError(.io, shown, "it can't be read (\(why))")
        }
    }
}

/// Follows a job to its end.
struct JobWait {
    let session: Session

    /// Throws where it ended otherwise than printed, or waits for a person.
    func untilPrinted(_ job: PrintedModel) async throws {
        let session = session
        let last = Mutex<JobModel?>(nil)
        // The daemon ends the stream with the job's last state, and where a person has to decide.
        try await session.client.lines("/v1/jobs/\(job.id)/events") { line in
            let now = try JSONText.decode(JobModel.self, line)
            session.notice("\(job.title): \(now.shownState)")
            last.withLock { $0 = now }
        }
        guard let end = last.withLock({ $0 }), end.isFinal || end.state == "stopped" else {
            throw OfficeError(
                .temporary, job.title, "the daemon stopped telling of it",
                mend: "'officeshare jobs' shows how it stands: it isn't lost.")
        }
        guard end.state != "completed" else { return }
        throw OfficeError(
            end.state == "stopped" ? .temporary : .io, job.title,
            "it was \(end.state)" + (end.reasons.first.map { ": \($0)" } ?? ""),
            mend: "'officeshare jobs --all' shows it; 'officeshare job reprint \(job.id)' prints it once more.")
    }
}
