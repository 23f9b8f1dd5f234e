internal import Foundation

/// A printer that is a folder: a CUPS backend of the tests' own, `osbox:/FOLDER`, which keeps what it is given and
/// fails on demand.
///
/// In the folder, for every job that reached it: `ID.argv` (job id, user, title, copies, options; one to a line) of
/// the latest try, and `ID.data` once all data is there; a line `ID` in `tries` for every try and in `printed` for
/// every document that came out, whose title is a line in `titles`. It looks for `say` (lines for standard error: `STATE: +media-jam-error`),
/// `busy` (prints when that is gone) and `exit` (fails with that status: 1 by the queue's error policy, 3 hold,
/// 4 stop the queue, 5 cancel, 6 retry).
package enum BoxBackend {
    package static let script = """
        #!/bin/sh
        if [ $# -eq 0 ]; then echo 'direct osbox "Box" "Box of the tests"'; exit 0; fi
        box=${DEVICE_URI#osbox:}
        id=$1
        printf '%s\\n' "$1" "$2" "$3" "$4" "$5" > "$box/$id.argv"
        echo "$id" >> "$box/tries"
        if [ -e "$box/say" ]; then cat "$box/say" >&2; fi
        while [ -e "$box/busy" ]; do sleep 0.02; done
        if status=$(cat "$box/exit" 2>/dev/null); then exit "$status"; fi
        if [ $# -ge 6 ]; then cat "$6"; else cat; fi > "$box/$id.part" || exit 1
        mv "$box/$id.part" "$box/$id.data"
        printf '%s\\n' "$3" >> "$box/titles"
        echo "$id" >> "$box/printed"
        """
}

/// The folder of a `BoxBackend`, from the outside.
package struct Box: Sendable {
    package let folder: String

    /// Makes the folder, where anybody may write: backends run as lp.
    package init(_ folder: String) throws {
        self.folder = folder
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        try FileManager.default.setAttributes([.posixPermissions: 0o777], ofItemAtPath: folder)
    }

    package var uri: String { "osbox:\(folder)" }

    /// What a job was printed with; nil where it never got here.
    package func arguments(_ job: Int32) -> [String]? {
        text("\(job).argv").map { $0.split(separator: "\n", omittingEmptySubsequences: false).map(String.init) }
    }

    package func document(_ job: Int32) -> [UInt8]? {
        FileManager.default.contents(atPath: "\(folder)/\(job).data").map { Array($0) }
    }

    /// Bytes of a document.
    package func size(_ job: Int32) -> Int? {
        let attributes = try? FileManager.default.attributesOfItem(atPath: "\(folder)/\(job).data")
        return attributes?[.size] as? Int
    }

    /// CUPS's numbers of what came out, in that order.
    package var printed: [Int32] { lines("printed") }
    /// The titles of the same: CUPS gives a number again where it forgot a job.
    package var titles: [String] { (text("titles") ?? "").split(separator: "\n").map(String.init) }
    /// CUPS's numbers of what was begun.
    package var tries: [Int32] { lines("tries") }

    /// Sets (or with nil takes away) one of `say`, `busy`, `exit`.
    package func set(_ name: String, _ text: String?) throws {
        let path = "\(folder)/\(name)"
        if let text {
            // Whole or not at all: the backend may be reading it.
            try Data(text.utf8).write(to: URL(filePath: path), options: .atomic)
            try FileManager.default.setAttributes([.posixPermissions: 0o644], ofItemAtPath: path)
        } else if FileManager.default.fileExists(atPath: path) {
            try FileManager.default.removeItem(atPath: path)
        }
    }

    private func text(_ name: String) -> String? {
        FileManager.default.contents(atPath: "\(folder)/\(name)").map { String(decoding: $0, as: UTF8.self) }
    }

    private func lines(_ name: String) -> [Int32] {
        (text(name) ?? "").split(separator: "\n").compactMap { Int32($0) }
    }
}
