import OfficeCore

/// One IPP request or response, as values (RFC 8010). What follows it in the same body (a document) is not part of it.
package struct IPPMessage: Sendable, Hashable {
    package struct Version: Sendable, Hashable {
        package var major: UInt8
        package var minor: UInt8

        package init(_ major: UInt8, _ minor: UInt8) {
            self.major = major
            self.minor = minor
        }
    }

    package var version: Version
    /// The operation of a request, the status of a response.
    package var code: UInt16
    package var requestID: Int32
    package var groups: [IPPGroup]

    package init(version: Version = .init(2, 0), code: UInt16, requestID: Int32 = 1, groups: [IPPGroup] = []) {
        self.version = version
        self.code = code
        self.requestID = requestID
        self.groups = groups
    }

    /// The attributes of the first group with this tag; empty where there is none.
    package subscript(_ tag: IPPGroup.Tag) -> [IPPAttribute] { groups.first { $0.tag == tag }?.attributes ?? [] }

    /// The first attribute of that name in the first group of that kind.
    package func attribute(_ name: String, in tag: IPPGroup.Tag) -> IPPAttribute? {
        self[tag].first { $0.name == name }
    }
}

/// Attributes that belong together: of the operation, of a job, of a printer.
package struct IPPGroup: Sendable, Hashable {
    /// RFC 8010, section 3.5.1.
    package enum Tag: UInt8, Sendable {
        case operation = 1
        case job = 2
        case printer = 4
        case unsupported = 5
        case subscription = 6
        case eventNotification = 7
    }

    package var tag: Tag
    package var attributes: [IPPAttribute]

    package init(_ tag: Tag, _ attributes: [IPPAttribute] = []) {
        self.tag = tag
        self.attributes = attributes
    }

    /// The first attribute of that name.
    package subscript(_ name: String) -> IPPAttribute? { attributes.first { $0.name == name } }
}

/// A name with one or more values. Within a collection it is a member attribute.
package struct IPPAttribute: Sendable, Hashable, Codable {
    package var name: String
    package var values: [IPPValue]

    package init(_ name: String, _ values: [IPPValue]) {
        self.name = name
        self.values = values
    }

    package init(_ name: String, _ value: IPPValue) { self.init(name, [value]) }
}

/// A value with its syntax (RFC 8010, section 3.5.2, and RFC 8011, section 5.1). `Codable` for the spool's records and
/// the members' wire, where only attributes that `JobAttributes` knows are kept.
package enum IPPValue: Sendable, Hashable, Codable {
    /// The syntaxes whose values are text.
    package enum TextSyntax: UInt8, Sendable, Codable {
        case text = 0x41
        case name = 0x42
        case keyword = 0x44
        case uri = 0x45
        case uriScheme = 0x46
        case charset = 0x47
        case naturalLanguage = 0x48
        case mimeMediaType = 0x49
    }

    /// Values that are none.
    package enum OutOfBand: UInt8, Sendable, Codable {
        case unsupported = 0x10
        case unknown = 0x12
        case noValue = 0x13
        case notSettable = 0x15
        case deleteAttribute = 0x16
        case adminDefine = 0x17
    }

    package enum ResolutionUnits: Int8, Sendable, Codable {
        case perInch = 3
        case perCentimeter = 4
    }

    case integer(Int32)
    case boolean(Bool)
    case enumeration(Int32)
    case range(Int32, Int32)
    case resolution(Int32, Int32, ResolutionUnits)
    /// `language` where the value was sent with one (textWithLanguage, nameWithLanguage).
    case string(TextSyntax, String, language: String? = nil)
    /// Eleven bytes (RFC 2579, DateAndTime).
    case dateTime([UInt8])
    case octets([UInt8])
    case collection([IPPAttribute])
    case outOfBand(OutOfBand)
    /// A syntax that isn't known here, by its tag.
    case other(UInt8)

    package static func text(_ text: String) -> IPPValue { .string(.text, text) }
    package static func name(_ text: String) -> IPPValue { .string(.name, text) }
    package static func keyword(_ text: String) -> IPPValue { .string(.keyword, text) }
    package static func uri(_ text: String) -> IPPValue { .string(.uri, text) }
    package static func mimeType(_ text: String) -> IPPValue { .string(.mimeMediaType, text) }
    package static func charset(_ text: String) -> IPPValue { .string(.charset, text) }
    package static func language(_ text: String) -> IPPValue { .string(.naturalLanguage, text) }

    /// Integers and enums alike.
    package var number: Int32? {
        switch self {
        case .integer(let number), .enumeration(let number): number
        default: nil
        }
    }

    package var flag: Bool? { if case .boolean(let flag) = self { flag } else { nil } }
    package var text: String? { if case .string(_, let text, _) = self { text } else { nil } }
}

extension IPPAttribute {
    package var number: Int32? { values.first?.number }
    package var flag: Bool? { values.first?.flag }
    package var text: String? { values.first?.text }
    package var texts: [String] { values.compactMap(\.text) }
}
