import OfficeCore

/// The name of what could not take the place it was meant for: `report (conflict of bob@pc2, 2026-11-21 14-03-22).odt`.
///
/// Its ending stays, so that the same programs open it; it is never longer than a name may be, and `number` makes it
/// another one where it is taken. No byte comes into it that a name can't have: the author is checked text already, and
/// what isn't fit for every system's names (`:` in times) is left out.
struct ConflictName {
    /// Bytes of an ending that is kept; what is longer is part of the name.
    private static let longestEnding = 32

    private let name: FileName
    /// `(conflict of bob@pc2, ` and the like, which all copies of one author begin with.
    private let mark: [UInt8]
    private let time: String

    /// - Parameters:
    ///   - author: As people know them.
    ///   - seconds: Since 1970, in UTC.
    init(_ name: FileName, author: String, seconds: Int64) {
        self.name = name
        let fit = author.unicodeScalars.filter { $0 != "/" && $0 != ":" && $0 != "\\" && $0.value >= 0x20 }
        mark = Array(" (conflict of ".utf8) + Self.shortened(Array(String(String.UnicodeScalarView(fit)).utf8), to: 130)
        let text = Timestamp(seconds: seconds).description
        time = text.prefix(10) + " " + text.dropFirst(11).prefix(8).replacing(":", with: "-")
    }

    /// The name, or the next one of several.
    func name(number: Int = 1) -> FileName {
        let (stem, ending) = Self.parts(of: name.bytes)
        let tail = mark + Array(", \(time)\(number > 1 ? " \(number)" : ""))".utf8) + ending
        return FileName(trusted: Self.shortened(stem, to: FileName.maximumLength - tail.count) + tail)
    }

    /// Whether a name may be that of a copy of the same file by the same author, whenever it came: what begins and ends
    /// so has to be compared.
    func mayHaveMade(_ other: FileName) -> Bool {
        let (stem, ending) = Self.parts(of: name.bytes)
        return other.bytes.starts(with: stem.prefix(32)) && other.bytes.suffix(ending.count).elementsEqual(ending)
            && other.bytes.firstRange(of: mark) != nil
    }

    /// What is before the ending, and the ending with its dot: `.tar.gz` is one.
    private static func parts(of bytes: [UInt8]) -> (stem: [UInt8], ending: [UInt8]) {
        let dot = UInt8(ascii: ".")
        guard let last = bytes.lastIndex(of: dot), last > 0, bytes.count - last <= longestEnding, last < bytes.count - 1
        else { return (bytes, []) }
        let tar = Array(".tar".utf8)
        let start = bytes[..<last].suffix(tar.count).elementsEqual(tar) && last > tar.count ? last - tar.count : last
        return (Array(bytes[..<start]), Array(bytes[start...]))
    }

    /// As much as fits, cut between characters.
    private static func shortened(_ bytes: [UInt8], to most: Int) -> [UInt8] {
        guard bytes.count > most else { return bytes }
        var end = max(0, most)
        // A byte 10xxxxxx goes on a character of UTF-8, of which there are at most three.
        while end > 0, end > most - 3, bytes[end] & 0xC0 == 0x80 { end -= 1 }
        return Array(bytes[..<end])
    }
}
