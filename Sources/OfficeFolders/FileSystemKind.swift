import CLinux
import Glibc
package import OfficeCore

extension Folder {
    /// What the kernel calls the file system that it is on (proc(5), mountinfo): `ext4`, `fuse.glusterfs`; nil where that
    /// can't be known.
    package func fileSystem() throws(OfficeError) -> String? {
        let device = try handle.status(RelativePath.root.what).st_dev
        // makedev(3) of the C library, the other way round.
        let major = (device >> 8) & 0xFFF | (device >> 32) & ~0xFFF
        let minor = device & 0xFF | (device >> 12) & ~0xFF
        guard let file = fopen("/proc/self/mountinfo", "re") else { return nil }
        defer { fclose(file) }
        var line: UnsafeMutablePointer<CChar>?
        var room = 0
        defer { free(line) }
        while getline(&line, &room, file) > 0, let text = line.map({ String(cString: $0) }) {
            let fields = text.split(separator: " ")
            guard fields.count > 6, fields[2] == "\(major):\(minor)",
                let dash = fields.firstIndex(of: "-"), dash + 1 < fields.count
            else { continue }
            return String(fields[dash + 1])
        }
        return nil
    }
}
