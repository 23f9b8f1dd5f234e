import OfficeCore

/// Requests to cupsd: the operations used, and what each begins with.
enum CUPSRequest {
    /// RFC 8011, section 5.4.15, and the CUPS implementation of IPP.
    enum Operation: UInt16 {
        case createJob = 0x0005
        case sendDocument = 0x0006
        case cancelJob = 0x0008
        case getJobAttributes = 0x0009
        case getJobs = 0x000A
        case getPrinterAttributes = 0x000B
        case holdJob = 0x000C
        case releaseJob = 0x000D
        case pausePrinter = 0x0010
        case resumePrinter = 0x0011
        case createPrinterSubscriptions = 0x0016
        case getNotifications = 0x001C
        case getPrinters = 0x4002
        case addModifyPrinter = 0x4003
        case deletePrinter = 0x4004
        case addModifyClass = 0x4006
        case deleteClass = 0x4007
        case moveJob = 0x400D
    }

    /// What a request is about.
    enum Target {
        case everything
        case queue(Label)
        /// The class that starts the office's jobs of that queue.
        case gate(Label)
        case job(Int32)

        var attribute: IPPAttribute {
            switch self {
            case .everything: IPPAttribute("printer-uri", .uri("ipp://localhost/"))
            case .queue(let name):
                IPPAttribute("printer-uri", .uri("ipp://localhost/printers/\(encoded(name))"))
            case .gate(let name):
                IPPAttribute("printer-uri", .uri("ipp://localhost/classes/\(gate(name))"))
            case .job(let number): IPPAttribute("job-uri", .uri("ipp://localhost/jobs/\(number)"))
            }
        }

        /// The path of the HTTP request; what is denied or allowed there is the same in any sane cupsd.conf.
        var resource: String {
            switch self {
            case .everything: "/"
            case .queue(let name): "/printers/\(encoded(name))"
            case .gate(let name): "/classes/\(gate(name))"
            case .job: "/jobs/"
            }
        }

        /// For errors.
        var name: String {
            switch self {
            case .everything: "CUPS"
            case .queue(let name): "\(name)"
            case .gate(let name): "\(name)\(CUPSGate.suffix)"
            case .job(let number): "CUPS job \(number)"
            }
        }

        private func encoded(_ name: Label) -> String { percentEncoded(name.bytes) }
        private func gate(_ name: Label) -> String { percentEncoded(Array("\(name)\(CUPSGate.suffix)".utf8)) }
    }

    /// - Parameter extra: Further attributes of the operation, in CUPS's order: after the target and the user.
    static func message(
        _ operation: Operation, _ target: Target, user: String? = nil, wanting: [String] = [],
        _ extra: [IPPAttribute] = [], groups: [IPPGroup] = []
    ) -> IPPMessage {
        var attributes = [
            IPPAttribute("attributes-charset", .charset("utf-8")),
            IPPAttribute("attributes-natural-language", .language("en")), target.attribute,
        ]
        if let user { attributes.append(IPPAttribute("requesting-user-name", .name(user))) }
        attributes += extra
        if !wanting.isEmpty {
            attributes.append(IPPAttribute("requested-attributes", wanting.map(IPPValue.keyword)))
        }
        return IPPMessage(code: operation.rawValue, groups: [IPPGroup(.operation, attributes)] + groups)
    }
}
