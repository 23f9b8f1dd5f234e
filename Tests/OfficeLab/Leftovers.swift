internal import Foundation
internal import Glibc
internal import OfficeCore

/// The lab's one kind of thing that outlives a killed lab: its folder with logs and private files.
///
/// Its name has the maker's pid and start time, so that whose maker is gone can be told from whose isn't.
package enum Leftovers {
    /// On disk, not on /tmp: hosts with `.disk` storage keep their files here.
    private static let place = "/var/tmp"
    private static let prefix = "officelab-"

    /// A new folder of this process's.
    static func makeDirectory() throws(OfficeError) -> String {
        let path = "\(place)/\(prefix)\(getpid())-\(startTime(of: getpid()) ?? "0")-\(UUID().uuidString.prefix(8))"
        do {
            try FileManager.default.createDirectory(
                atPath: path, withIntermediateDirectories: false, attributes: [.posixPermissions: 0o755])
        } catch {
            throw OfficeError(.io, path, "can't be made: \(error.localizedDescription)")
        }
        return path
    }

    static func remove(_ directory: String) { try? FileManager.default.removeItem(atPath: directory) }

    /// Removes the folders of labs whose process is gone, and says which.
    @discardableResult package static func clean() -> [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: place)) ?? []
        let dead = names.filter { $0.hasPrefix(prefix) && !isAlive($0) }.map { "\(place)/\($0)" }
        for path in dead { remove(path) }
        return dead
    }

    private static func isAlive(_ name: String) -> Bool {
        let fields = name.dropFirst(prefix.count).split(separator: "-")
        guard fields.count == 3, let pid = Int32(fields[0]) else { return false }
        return startTime(of: pid) == String(fields[1])
    }

    /// Field 22 of /proc/PID/stat: with the pid it names a process for good (proc(5)).
    private static func startTime(of pid: Int32) -> String? {
        guard let stat = try? String(contentsOfFile: "/proc/\(pid)/stat", encoding: .utf8),
            let end = stat.lastIndex(of: ")")
        else { return nil }
        let fields = stat[end...].split(separator: " ")
        return fields.count > 20 ? String(fields[20]) : nil
    }
}
