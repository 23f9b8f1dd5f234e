// Error codes as exit statuses (sysexits.h) and as HTTP statuses, both ways. The only place that knows.

extension OfficeError.Code {
    /// The exit status of `officeshare`, as the command line's contract lists them.
    package var exitStatus: Int32 {
        switch self {
        case .partial: 1
        case .usage: 64
        case .malformed: 65
        case .notFound: 66
        case .unavailable: 69
        case .exists, .cannotCreate: 73
        case .io, .noSpace, .overQuota, .fault: 74
        case .temporary, .changed, .limit: 75
        case .notAllowed: 77
        case .configuration: 78
        }
    }

    /// The HTTP status that carries this code (RFC 9110, section 15; 507: RFC 4918).
    package var httpStatus: Int {
        switch self {
        case .usage, .malformed: 400
        case .notAllowed: 403
        case .notFound: 404
        case .exists, .changed: 409
        case .cannotCreate: 422
        case .limit: 429
        case .io, .configuration, .partial, .fault: 500
        case .unavailable, .temporary: 503
        case .noSpace, .overQuota: 507
        }
    }

    /// What a status means when no error body came with it: an intermediary's or a broken peer's answer.
    package init(httpStatus: Int) {
        switch httpStatus {
        case 400, 411, 413, 414, 431: self = .malformed
        case 401, 403: self = .notAllowed
        case 404, 405, 410: self = .notFound
        case 409, 412: self = .exists
        case 429: self = .limit
        case 408, 503, 504: self = .temporary
        case 507: self = .noSpace
        default: self = .fault
        }
    }
}
