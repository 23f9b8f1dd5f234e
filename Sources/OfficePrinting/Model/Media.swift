internal import CCUPS
import OfficeCore

/// Names of paper: whatever people and programs call it, here it is a PWG self-describing name
/// (PWG 5101.1: `iso_a4_210x297mm`).
package enum Media {
    /// The self-describing name of `A4`, `a4`, `Letter`, `iso-a4`, `na_letter_8.5x11in`, `210x297mm`, `Custom.4x6in`;
    /// nil for what is no medium.
    package static func name(of given: String) -> String? {
        if let already = selfDescribing(given) { return already }
        guard Sanitizer.keyword(given) != nil else { return nil }
        // PPDs write A4, people a4 or letter; libcups knows each way by a table of its own.
        let spellings = [given, given.lowercased(), given.prefix(1).uppercased() + given.dropFirst().lowercased()]
        for spelling in spellings + [given.uppercased()] {
            if let found = pwgMediaForPPD(spelling) ?? pwgMediaForLegacy(spelling) {
                return found.pointee.pwg.flatMap { selfDescribing(String(cString: $0)) }
            }
        }
        let legacy = given.lowercased()
        for prefix in ["iso-", "na-", "jis-"] {
            if let found = pwgMediaForLegacy(prefix + legacy) {
                return found.pointee.pwg.flatMap { selfDescribing(String(cString: $0)) }
            }
        }
        return nil
    }

    /// The name itself where it is a self-describing one.
    package static func selfDescribing(_ told: String) -> String? {
        // class_name_sizeunit: anything else libcups would take for a PPD's or a legacy name.
        let parts = told.utf8.split(separator: UInt8(ascii: "_"), omittingEmptySubsequences: false)
        guard parts.count >= 3, !parts.contains(where: \.isEmpty), Sanitizer.keyword(told) != nil else { return nil }
        guard told.hasSuffix("mm") || told.hasSuffix("in"), let found = pwgMediaForPWG(told) else { return nil }
        return found.pointee.width > 0 && found.pointee.length > 0 ? told : nil
    }

    /// Width and length in hundredths of a millimetre.
    package static func size(of name: String) -> (width: Int32, length: Int32)? {
        guard selfDescribing(name) != nil, let found = pwgMediaForPWG(name) else { return nil }
        return (found.pointee.width, found.pointee.length)
    }

    /// What people call it: `A4` for `iso_a4_210x297mm`, and the name itself where it has no other.
    package static func commonName(of name: String) -> String {
        guard selfDescribing(name) != nil, let ppd = pwgMediaForPWG(name)?.pointee.ppd else { return name }
        let common = String(cString: ppd)
        return Self.name(of: common) == name ? common : name
    }
}
