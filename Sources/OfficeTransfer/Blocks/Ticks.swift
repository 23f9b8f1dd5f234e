import Glibc
import OfficeCore
import OfficeFolders

/// Waits, on a thread of the pool, until a write from now on would get a later ctime than `changed`.
///
/// The kernel stamps files by its tick (up to 10 ms): of a file written in this very tick, a further write could
/// not be told by `stat`. So it is read from the next tick on only.
func outwaitTick(of changed: FileTime) {
    let tick: Int64 = 20_000_000
    let now = FileTime.now
    let seconds = now.seconds - changed.seconds
    guard (0...1).contains(seconds) else { return }
    let age = seconds * 1_000_000_000 + Int64(now.nanoseconds - changed.nanoseconds)
    guard age >= 0, age < tick else { return }
    usleep(UInt32((tick - age) / 1000 + 1))
}
