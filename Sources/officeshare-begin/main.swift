import CCUPS
import PrintPermit

#if canImport(Glibc)
    import Glibc
#endif

// A filter of CUPS's, the first of every document of the office (filter(7)): it lets the document through where
// officeshared has granted that the job begins, once, and has CUPS hold the job else. See docs/printing.md.

/// Called as `officeshare-begin JOB USER TITLE COPIES OPTIONS [FILE]`.
let arguments = CommandLine.arguments

guard arguments.count == 6 || arguments.count == 7, let job = Int32(arguments[1]) else {
    say("ERROR: officeshare-begin is a filter of CUPS's: JOB USER TITLE COPIES OPTIONS [FILE]")
    exit(64)
}

/// For tests with a cupsd of their own, which hands it on by `SetEnv`.
let permits = getenv("OFFICESHARE_PERMITS").map { PrintPermits(at: String(cString: $0)) } ?? PrintPermits()

guard permits.take(job, by: .ofParent) else {
    say("INFO: officeshare: the job was begun before and may have been printed")
    hold(job, of: arguments[2])
    // CUPS ends the job's filters; until it does not even the end of the document goes on from here.
    sleep(10)
    say("ERROR: officeshare: the job was begun before and may have been printed")
    exit(1)
}

let document = arguments.count == 7 ? open(arguments[6], O_RDONLY | O_CLOEXEC) : STDIN_FILENO
guard document >= 0, pass(document) else {
    say("ERROR: officeshare: the document can't be passed on: \(String(cString: strerror(errno)))")
    exit(1)
}

/// Has CUPS hold the job, as its user: that stops it at once.
func hold(_ job: Int32, of user: String) {
    let request = ippNewRequest(IPP_OP_HOLD_JOB)
    ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_URI, "job-uri", nil, "ipp://localhost/jobs/\(job)")
    ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_NAME, "requesting-user-name", nil, user)
    ippDelete(cupsDoRequest(nil, request, "/jobs/"))
}

/// Everything from there to standard output, without a copy where the kernel can.
func pass(_ document: CInt) -> Bool {
    while true {
        let count = sendfile(STDOUT_FILENO, document, nil, 1 << 20)
        if count == 0 { return true }
        guard count < 0, errno != EINTR else { continue }
        return errno == EINVAL && copy(document)
    }
}

/// The same for a document that comes through a pipe.
func copy(_ document: CInt) -> Bool {
    let size = 256 << 10
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: size, alignment: 16)
    defer { buffer.deallocate() }
    while true {
        let count = read(document, buffer.baseAddress, size)
        if count == 0 { return true }
        guard count > 0 else {
            if errno == EINTR { continue }
            return false
        }
        var rest = UnsafeRawBufferPointer(rebasing: buffer[..<count])
        while !rest.isEmpty {
            let written = write(STDOUT_FILENO, rest.baseAddress, rest.count)
            guard written > 0 else {
                if errno == EINTR { continue }
                return false
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(written))
        }
    }
}

func say(_ line: String) {
    _ = "\(line)\n".withCString { write(STDERR_FILENO, $0, strlen($0)) }
}
