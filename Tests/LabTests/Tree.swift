import Foundation
import OfficeLab
import Testing

/// A folder with all that a real tree can have, and the comparison of two of them to the last bit.
enum Tree {
    /// Makes the tree in the current folder. Times are set from the leaves up.
    static let script = #"""
        set -e
        mkdir -p docs/deep/er/and/deeper docs/empty docs/'with space'
        cd docs
        echo plain >plain.txt
        : >nothing
        head -c 300000 /dev/urandom >some-blocks
        head -c 131072 /dev/urandom >one-block
        truncate -s 3M sparse; echo end >>sparse
        printf '#!/bin/sh\necho run\n' >program; chmod 755 program
        echo 1 >$'raw \xff\xfe bytes'
        echo 2 >$'new\nline\ttab\e[31m'
        echo 3 >-rf
        echo 4 >'*?[a]'
        echo 5 >'back\slash'
        echo 6 >"quote's\""
        echo 7 >'%2e%2e%2f'
        echo 8 >$'caf\u00e9'
        echo 9 >$'cafe\u0301'
        echo 10 >$'\U1f4a1'
        echo 11 >.hidden
        echo 12 >"$(printf 'n%.0s' {1..255})"
        echo 13 >...
        mkdir $'folder \xc3\x28'; echo 14 >$'folder \xc3\x28/in'
        for n in {1..300}; do echo "$n" >"deep/small-$n"; done
        ln -s plain.txt link
        ln -s deep/er to-a-folder
        ln -s nowhere/at/all dangling
        ln -s ../docs/plain.txt deep/up
        ln -s $'raw \xff\xfe bytes' $'link \xfe'
        chmod u+x deep/small-7
        touch -h -d '2001-02-03 04:05:06.123456789' link
        touch -d '1965-04-03 02:01:00.000000001' plain.txt
        touch -d '2199-12-31 23:59:59.999999999' nothing
        touch -d '1999-09-09 09:09:09.090909090' deep/er/and/deeper
        touch -d '2010-10-10 10:10:10.101010101' deep/er empty $'folder \xc3\x28'
        touch -d '2011-11-11 11:11:11.111111111' deep .
        """#

    /// A listing of all names, kinds, sizes, times to the nanosecond, link texts and executable bits.
    static func listing(of folder: String, on host: LabHost) async throws -> [Data.SubSequence] {
        let script = #"""
            cd "$0" && find . \( -type d -printf 'd %T@ %P\0' \) -o \( -type l -printf 'l %T@ %l %P\0' \) \
                -o \( -perm -u+x -printf 'x %s %T@ %P\0' \) -o -printf 'f %s %T@ %P\0' | sort -z
            """#
        return try await host.run(["bash", "-c", script, folder]).checked().stdoutBytes.split(separator: 0)
    }

    /// That two folders on two hosts are equal, in names, contents and metadata.
    static func expectSame(
        _ one: (LabHost, String), _ other: (LabHost, String), sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let first = try await listing(of: one.1, on: one.0)
        let second = try await listing(of: other.1, on: other.0)
        let only = (Set(first).subtracting(second), Set(second).subtracting(first))
        let shown =
            "\(only.0.map { String(decoding: $0, as: UTF8.self) }) \(only.1.map { String(decoding: $0, as: UTF8.self) })"
        #expect(!first.isEmpty && first == second, "\(shown)", sourceLocation: sourceLocation)
        let diff = try await Command.run(
            ["diff", "-r", "--no-dereference", one.0.path(one.1), other.0.path(other.1)])
        #expect(diff.status == 0, "\(diff)", sourceLocation: sourceLocation)
    }
}
