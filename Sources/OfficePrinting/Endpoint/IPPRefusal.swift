import OfficeCore

/// Why a request is not done, as IPP says it.
struct IPPRefusal: Error, Sendable {
    var status: IPPStatus
    var why: String
    /// The attributes that stood in the way, with the values they came with.
    var unsupported: [IPPAttribute] = []

    init(_ status: IPPStatus, _ why: String, unsupported: [IPPAttribute] = []) {
        self.status = status
        self.why = why
        self.unsupported = unsupported
    }

    /// What the desk says, in IPP's words. The local cupsd tries again after `busy` and `temporaryError`, and gives up
    /// after most others: a full disk mends itself, a missing right doesn't. After `internalError` it stops its queue
    /// for good, so nothing is called that.
    init(_ error: OfficeError) {
        let status: IPPStatus =
            switch error.code {
            case .malformed, .usage: .badRequest
            case .notFound: .notFound
            case .notAllowed: .notAuthorized
            case .unavailable: .serviceUnavailable
            case .noSpace, .overQuota, .limit: .busy
            case .temporary, .changed, .io, .cannotCreate, .configuration, .partial, .fault: .temporaryError
            case .exists: .notPossible
            }
        self.init(status, error.description)
    }

    /// The same, said to one of cupsd's backends: it stops its queue for good after `notFound`, waits for a password
    /// after `notAuthorized` and tries again without end after `badRequest`. What won't mend itself cancels the job.
    init(_ error: OfficeError, to caller: EndpointCaller) {
        self.init(error)
        switch status {
        case .notFound, .notAuthorized, .badRequest, .notPossible:
            if caller.isBackend { status = .attributesOrValuesNotSupported }
        default: break
        }
    }
}
