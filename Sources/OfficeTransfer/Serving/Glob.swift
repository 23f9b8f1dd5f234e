/// A shell's pattern over the bytes of one name: `*`, `?`, `[abc]`, `[a-z]`, `[!abc]`; `\` takes the next
/// character as it is. Matches the whole name; a leading dot is nothing special.
///
/// `?` and sets match one UTF-8 character where the name has one there, else one byte. Linear in memory, and at
/// worst pattern times name in time: a hostile pattern costs nothing.
package struct Glob: Sendable, Equatable {
    private enum Piece: Equatable {
        case literal(UInt8)
        case any
        case run
        case set([ClosedRange<UInt32>], negated: Bool)
    }

    private let pieces: [Piece]

    package init(_ pattern: some Sequence<UInt8>) {
        pieces = Self.parse(Array(pattern))
    }

    package func matches(_ name: [UInt8]) -> Bool {
        var piece = 0
        var at = 0
        // Where to go on if what follows the last `*` fails: it takes one byte more.
        var retry: (piece: Int, at: Int)?
        while at < name.count {
            if piece < pieces.count, case .run = pieces[piece] {
                retry = (piece, at)
                piece += 1
            } else if piece < pieces.count, let length = match(pieces[piece], name, at) {
                piece += 1
                at += length
            } else if let last = retry {
                retry = (last.piece, last.at + 1)
                piece = last.piece + 1
                at = last.at + 1
            } else {
                return false
            }
        }
        return pieces[piece...].allSatisfy { $0 == .run }
    }

    /// How many bytes the piece takes at `at`; nil where it doesn't match.
    private func match(_ piece: Piece, _ name: [UInt8], _ at: Int) -> Int? {
        switch piece {
        case .literal(let byte): return name[at] == byte ? 1 : nil
        case .run: return nil
        case .any: return Self.character(in: name, at: at).length
        case .set(let ranges, let negated):
            let (value, length) = Self.character(in: name, at: at)
            return ranges.contains { $0.contains(value) } != negated ? length : nil
        }
    }

    /// The character that begins at `at`; of what is not UTF-8, the byte.
    private static func character(in bytes: [UInt8], at: Int) -> (value: UInt32, length: Int) {
        var decoder = UTF8()
        var iterator = bytes[at...].prefix(4).makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return (UInt32(bytes[at]), 1) }
        return (scalar.value, UTF8.width(scalar))
    }

    private static func parse(_ pattern: [UInt8]) -> [Piece] {
        var pieces: [Piece] = []
        var at = 0
        while at < pattern.count {
            switch pattern[at] {
            case UInt8(ascii: "*"):
                if pieces.last != .run { pieces.append(.run) }
                at += 1
            case UInt8(ascii: "?"):
                pieces.append(.any)
                at += 1
            case UInt8(ascii: "["):
                if let (set, next) = parseSet(pattern, from: at + 1) {
                    pieces.append(set)
                    at = next
                } else {
                    pieces.append(.literal(pattern[at]))
                    at += 1
                }
            case UInt8(ascii: "\\") where at + 1 < pattern.count:
                pieces.append(.literal(pattern[at + 1]))
                at += 2
            default:
                pieces.append(.literal(pattern[at]))
                at += 1
            }
        }
        return pieces
    }

    /// What stands in brackets, and where it goes on behind them; nil where they are not closed.
    private static func parseSet(_ pattern: [UInt8], from start: Int) -> (Piece, Int)? {
        var at = start
        let negated = at < pattern.count && (pattern[at] == UInt8(ascii: "!") || pattern[at] == UInt8(ascii: "^"))
        if negated { at += 1 }
        var ranges: [ClosedRange<UInt32>] = []
        let first = at
        while at < pattern.count, at == first || pattern[at] != UInt8(ascii: "]") {
            let (low, length) = character(in: pattern, at: at)
            at += length
            if at + 1 < pattern.count, pattern[at] == UInt8(ascii: "-"), pattern[at + 1] != UInt8(ascii: "]") {
                let (high, width) = character(in: pattern, at: at + 1)
                at += 1 + width
                if low <= high { ranges.append(low...high) }
            } else {
                ranges.append(low...low)
            }
        }
        return at < pattern.count ? (.set(ranges, negated: negated), at + 1) : nil
    }
}
