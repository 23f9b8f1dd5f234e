import OfficeCore

/// What cupsd's statuses mean in the words of the house.
enum CUPSFailure {
    /// Throws for an answer that isn't a success (RFC 8011, appendix B: 0x0000 to 0x00FF are).
    static func check(
        _ answer: IPPMessage, of operation: CUPSRequest.Operation, _ what: String
    ) throws(OfficeError) {
        guard answer.code >= 0x0100 else { return }
        let told = answer.attribute("status-message", in: .operation)?.text
        let why = told.flatMap { Sanitizer.text($0, most: 255) } ?? "CUPS answers 0x\(String(answer.code, radix: 16))"
        throw OfficeError(code(of: answer.code, operation), what, unpunctuated(why), mend: mend(of: answer.code))
    }

    private static func code(of status: UInt16, _ operation: CUPSRequest.Operation) -> OfficeError.Code {
        switch status {
        case 0x0401, 0x0402, 0x0403: .notAllowed
        case 0x0406, 0x0407: .notFound
        // "Too many active jobs" or a quota; of other operations, that the job is in no state for it.
        case 0x0404: operation == .createJob ? .temporary : .notAllowed
        case 0x0408: .noSpace
        case 0x0400, 0x0409, 0x040A, 0x040B, 0x040C, 0x040D, 0x040E, 0x040F, 0x0410, 0x0411: .malformed
        case 0x0500...0x05FF: .temporary
        default: .io
        }
    }

    private static func mend(of status: UInt16) -> String? {
        switch status {
        case 0x0506: "Let it accept jobs again with 'cupsaccept'."
        case 0x040A: "Convert it to PDF."
        default: nil
        }
    }

    /// What an HTTP status without an IPP answer means; nil where there was none at all.
    static func http(_ status: Int) -> OfficeError? {
        switch status {
        // 1000: libcups has no password to offer, and asks nobody.
        case 401, 403, 1000: OfficeError(.notAllowed, "CUPS", "cupsd doesn't allow this to officeshare")
        case 404: OfficeError(.notFound, "CUPS", "cupsd doesn't know such a thing")
        case 413:
            OfficeError(
                .noSpace, "CUPS", "cupsd can't store the document: its disk is full, or LimitRequestBody is exceeded",
                mend: "Make room in /var/spool/cups.")
        case 400, 405...499: OfficeError(.malformed, "CUPS", "cupsd refused the request (HTTP status \(status))")
        case 500...599: OfficeError(.temporary, "CUPS", "cupsd is in trouble (HTTP status \(status))")
        default: nil
        }
    }

    private static func unpunctuated(_ sentence: String) -> String {
        sentence.hasSuffix(".") ? String(sentence.dropLast()) : sentence
    }
}
