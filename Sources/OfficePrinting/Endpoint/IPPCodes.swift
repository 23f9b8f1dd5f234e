/// The operations that the endpoint answers (RFC 8011, section 5.4.15; PWG 5100.11 and 5100.13). Whatever else is asked
/// for is refused.
package enum IPPOperation: UInt16, Sendable, CaseIterable {
    case printJob = 0x0002
    case validateJob = 0x0004
    case createJob = 0x0005
    case sendDocument = 0x0006
    case cancelJob = 0x0008
    case getJobAttributes = 0x0009
    case getJobs = 0x000A
    case getPrinterAttributes = 0x000B
    case holdJob = 0x000C
    case releaseJob = 0x000D
    case cancelMyJobs = 0x0039
    case closeJob = 0x003B
    case identifyPrinter = 0x003C

    /// Whether it is done to one job.
    var isOfJob: Bool {
        switch self {
        case .sendDocument, .cancelJob, .getJobAttributes, .holdJob, .releaseJob, .closeJob: true
        default: false
        }
    }

    /// Whether a document may follow.
    package var takesDocument: Bool { self == .printJob || self == .sendDocument }
}

/// The statuses that the endpoint answers with (RFC 8011, appendix B).
package enum IPPStatus: UInt16, Sendable {
    case ok = 0x0000
    case ignoredOrSubstituted = 0x0001
    case badRequest = 0x0400
    case forbidden = 0x0401
    case notAuthorized = 0x0403
    case notPossible = 0x0404
    case notFound = 0x0406
    case entityTooLarge = 0x0408
    case formatNotSupported = 0x040A
    case attributesOrValuesNotSupported = 0x040B
    case charsetNotSupported = 0x040D
    case compressionNotSupported = 0x040F
    case compressionError = 0x0410
    case operationNotSupported = 0x0501
    case serviceUnavailable = 0x0502
    case versionNotSupported = 0x0503
    case temporaryError = 0x0505
    case notAcceptingJobs = 0x0506
    case busy = 0x0507
    case jobCanceled = 0x0508
    case multipleDocumentsNotSupported = 0x0509
}
