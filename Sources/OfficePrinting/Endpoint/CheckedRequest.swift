import OfficeCore

/// A request whose form is right (RFC 8011, section 4.1): what it wants of which queue or job.
struct CheckedRequest: Sendable {
    private static let highest: [UInt8: IPPMessage.Version] = [1: .init(1, 1), 2: .init(2, 0)]

    let operation: IPPOperation
    let version: IPPMessage.Version
    /// What `job-id` or the end of `job-uri` says.
    let jobNumber: Int32?
    private let message: IPPMessage

    /// The version to answer in: the one asked for where it is known, the nearest one else.
    static func version(answering asked: IPPMessage.Version) -> IPPMessage.Version {
        guard let highest = highest[asked.major] else { return asked.major == 0 ? .init(1, 1) : .init(2, 0) }
        return asked.minor < highest.minor ? asked : highest
    }

    /// Checks in the order in which RFC 8011 has them.
    init(_ request: EndpointRequest) throws(IPPRefusal) {
        message = request.message
        version = Self.version(answering: message.version)
        guard Self.highest[message.version.major] != nil else {
            throw IPPRefusal(
                .versionNotSupported, "IPP \(message.version.major).\(message.version.minor) is not supported")
        }
        guard message.requestID > 0 else { throw IPPRefusal(.badRequest, "request-id has to be 1 or more") }
        guard let operation = IPPOperation(rawValue: message.code) else {
            throw IPPRefusal(.operationNotSupported, "this operation is not supported")
        }
        self.operation = operation
        try Self.checkGroups(message.groups)
        try Self.checkLanguage(message[.operation])
        jobNumber = try Self.target(of: message, operation, request.queueName)
    }

    private static func checkGroups(_ groups: [IPPGroup]) throws(IPPRefusal) {
        guard groups.first?.tag == .operation else {
            throw IPPRefusal(.badRequest, "the operation's attributes have to come first")
        }
        guard groups.count(where: { $0.tag == .operation }) == 1, groups.count(where: { $0.tag == .job }) <= 1 else {
            throw IPPRefusal(.badRequest, "a group of attributes is there twice")
        }
        for group in groups {
            var names: Set<String> = []
            for attribute in group.attributes where !names.insert(attribute.name).inserted {
                throw IPPRefusal(.badRequest, "\(attribute.name.plain(atMost: 64)) is there twice")
            }
        }
    }

    private static func checkLanguage(_ attributes: [IPPAttribute]) throws(IPPRefusal) {
        guard attributes.count >= 2, attributes[0].name == "attributes-charset",
            case .string(.charset, let charset, _) = attributes[0].values.first, attributes[0].values.count == 1
        else { throw IPPRefusal(.badRequest, "attributes-charset has to come first") }
        guard attributes[1].name == "attributes-natural-language",
            case .string(.naturalLanguage, _, _) = attributes[1].values.first, attributes[1].values.count == 1
        else { throw IPPRefusal(.badRequest, "attributes-natural-language has to come second") }
        guard ["utf-8", "us-ascii"].contains(charset.lowercased()) else {
            throw IPPRefusal(.charsetNotSupported, "only utf-8 is supported", unsupported: [attributes[0]])
        }
    }

    /// The job's number, where a job is meant. The queue has to be the one that HTTP's path names.
    private static func target(
        of message: IPPMessage, _ operation: IPPOperation, _ queueName: String
    ) throws(IPPRefusal) -> Int32? {
        if operation.isOfJob, let attribute = message.attribute("job-uri", in: .operation) {
            guard case .string(.uri, let uri, _) = attribute.values.first,
                let place = EndpointURI(uri), let number = place.job
            else { throw IPPRefusal(.badRequest, "job-uri names no job") }
            guard place.queue == queueName else { throw IPPRefusal(.badRequest, "job-uri is of another queue") }
            return number
        }
        guard let attribute = message.attribute("printer-uri", in: .operation),
            case .string(.uri, let uri, _) = attribute.values.first, attribute.values.count == 1
        else { throw IPPRefusal(.badRequest, "printer-uri is missing") }
        guard let place = EndpointURI(uri), place.job == nil else {
            throw IPPRefusal(.notFound, "printer-uri names no printer")
        }
        guard place.queue == queueName else { throw IPPRefusal(.badRequest, "printer-uri is of another queue") }
        guard operation.isOfJob else { return nil }
        guard let number = message.attribute("job-id", in: .operation), case .integer(let id) = number.values.first,
            id > 0
        else { throw IPPRefusal(.badRequest, "job-id is missing") }
        return id
    }

    // MARK: What it says

    /// The operation attribute of that name.
    subscript(_ name: String) -> IPPAttribute? { message.attribute(name, in: .operation) }
    var jobAttributes: [IPPAttribute] { message[.job] }

    /// The keyword of that name; throws where there is one that isn't.
    func keyword(_ name: String) throws(IPPRefusal) -> String? {
        guard let attribute = self[name] else { return nil }
        guard case .string(.keyword, let text, _) = attribute.values.first, attribute.values.count == 1 else {
            throw IPPRefusal(.badRequest, "\(name) has to be one keyword")
        }
        return text
    }

    func flag(_ name: String) throws(IPPRefusal) -> Bool? {
        guard let attribute = self[name] else { return nil }
        guard let flag = attribute.flag, attribute.values.count == 1 else {
            throw IPPRefusal(.badRequest, "\(name) has to be true or false")
        }
        return flag
    }

    /// What `requested-attributes` lists; nil where it isn't there.
    var wantedAttributes: [String]? { self["requested-attributes"]?.texts }
}

/// `/printers/NAME` and `/printers/NAME/JOB`, as paths and in URIs.
package struct EndpointURI: Sendable, Hashable {
    private static let root = "printers"
    private static let schemes = ["ipp", "http"]

    package let queue: String
    package let job: Int32?

    /// The path of a request.
    package init?(path: some StringProtocol) {
        let bare = path.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).first ?? ""
        let parts = bare.split(separator: "/", omittingEmptySubsequences: false)
        guard (3...4).contains(parts.count), parts[0].isEmpty, parts[1] == Self.root,
            let bytes = try? percentDecoded(parts[2]), let name = String(validating: bytes, as: UTF8.self),
            !name.isEmpty, name.utf8.count <= 2 * Label.maximumLength + 1
        else { return nil }
        queue = name
        guard parts.count == 4 else {
            job = nil
            return
        }
        guard let number = Int32(parts[3]), number > 0 else { return nil }
        job = number
    }

    /// A whole URI. Its host isn't looked at: HTTP's `Host` was.
    init?(_ uri: String) {
        let halves = uri.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        guard halves.count == 2, Self.schemes.contains(halves[0].lowercased()), halves[1].hasPrefix("//") else {
            return nil
        }
        guard let slash = halves[1].dropFirst(2).firstIndex(of: "/") else { return nil }
        self.init(path: halves[1][slash...])
    }

    static func printer(_ name: String, at authority: String, scheme: String = "ipp") -> String {
        "\(scheme)://\(authority)/\(root)/\(percentEncoded(Array(name.utf8)))"
    }

    static func job(_ number: Int32, of queue: String, at authority: String) -> String {
        printer(queue, at: authority) + "/\(number)"
    }
}
