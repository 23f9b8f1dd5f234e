package import NIOCore
package import OfficeTrust

/// Who stands behind a connection, as the kernel tells it.
package struct EndpointCaller: Sendable, Hashable {
    /// The account that the socket belongs to.
    package var account: UserName
    /// Whether it may speak for others: the local cupsd's backends (user `lp`) and root. `requesting-user-name` of
    /// anybody else is nothing but a claim.
    package var speaksForOthers: Bool
    /// Whether it is one of the local cupsd's backends. They read answers in ways of their own (docs/printing.md).
    package var isBackend: Bool

    package init(account: UserName, speaksForOthers: Bool, isBackend: Bool = false) {
        self.account = account
        self.speaksForOthers = speaksForOthers
        self.isBackend = isBackend
    }

    /// The user that a request is made for.
    func user(claiming claim: String?) -> UserName {
        guard speaksForOthers, let claim else { return account }
        return UserName(salvaging: claim)
    }
}

/// One IPP request, with what HTTP told about it.
package struct EndpointRequest: Sendable {
    package typealias Document = any AsyncSequence<ByteBuffer, any Error> & Sendable

    package var message: IPPMessage
    /// What follows the message, nil where nothing does.
    package var document: Document?
    package var caller: EndpointCaller
    /// The queue that the request's path names.
    package var queueName: String
    /// `localhost:8631`: what the caller reaches the endpoint by, checked. URIs in answers have it.
    package var authority: String

    package init(
        message: IPPMessage, document: Document?, caller: EndpointCaller, queueName: String, authority: String
    ) {
        self.message = message
        self.document = document
        self.caller = caller
        self.queueName = queueName
        self.authority = authority
    }
}

/// What the endpoint holds at most.
package struct EndpointLimits: Sendable {
    /// Bytes of one document.
    package var documentBytes: Int64
    /// Jobs that were begun and whose document isn't whole: in all, and of one account that speaks for itself.
    package var openJobs: Int
    package var openJobsPerUser: Int
    /// How long a job may wait for its document.
    package var patience: Duration
    /// Jobs in one answer.
    package var jobsInAnswer: Int
    /// What a backend waits for the news that its document couldn't be taken.
    package var pause: Duration

    package init(
        documentBytes: Int64 = 4 << 30, openJobs: Int = 256, openJobsPerUser: Int = 64,
        patience: Duration = .seconds(300), jobsInAnswer: Int = 1_000, pause: Duration = .seconds(10)
    ) {
        self.documentBytes = documentBytes
        self.openJobs = openJobs
        self.openJobsPerUser = openJobsPerUser
        self.patience = patience
        self.jobsInAnswer = jobsInAnswer
        self.pause = pause
    }
}

extension UserName {
    static let anonymous = "anonymous"

    /// A user as a program names it: what a user's name can't have becomes `_`, so that nobody is turned away for being
    /// called `Ada Lovelace`. Nobody gains by it: who may claim names may claim any.
    package init(salvaging text: String) {
        var kept = String.UnicodeScalarView()
        var bytes = 0
        for scalar in text.unicodeScalars {
            let one = (try? UserName("a\(scalar)a")) == nil ? "_" : scalar
            bytes += UTF8.width(one)
            guard bytes <= Self.maximumLength else { break }
            kept.append(one)
        }
        // A name can't begin with every character it may have.
        if let name = (try? UserName(String(kept))) ?? (try? UserName("_" + String(kept.dropFirst()))) {
            self = name
        } else {
            self = Self.nobody
        }
    }

    private static let nobody: UserName = {
        guard let name = try? UserName(anonymous) else { preconditionFailure("'anonymous' is a user's name") }
        return name
    }()
}

extension String {
    /// Text from the network, as it is kept and shown: without control characters and invisible marks, at most `bytes`
    /// bytes of UTF-8.
    func plain(atMost bytes: Int) -> String {
        var kept = String.UnicodeScalarView()
        var count = 0
        for scalar in unicodeScalars {
            switch scalar.properties.generalCategory {
            case .control, .format, .surrogate, .lineSeparator, .paragraphSeparator, .privateUse, .unassigned: continue
            default: break
            }
            count += UTF8.width(scalar)
            guard count <= bytes else { break }
            kept.append(scalar)
        }
        return String(kept)
    }

    /// Whether IPP takes it for a keyword (RFC 8011, section 5.1.4).
    var isKeyword: Bool {
        (1...255).contains(utf8.count)
            && utf8.allSatisfy {
                switch $0 {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"),
                    UInt8(ascii: "_"), UInt8(ascii: "."):
                    true
                default: false
                }
            }
    }
}
