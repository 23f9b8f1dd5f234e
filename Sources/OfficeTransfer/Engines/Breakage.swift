/// A store that broke off, while it is not known yet what of it has arrived. Used by one thread at a time.
///
/// Most of what was handed to a connection that breaks has never left this machine: it counts as moved as far as the
/// receiver says that it has it. It takes in one block after another, so that of all that is lost it had one at most
/// in part: that one is resent, whatever the buffers swallowed besides.
final class Breakage {
    /// Bytes that are counted as moved already: the receiver had told of them.
    private var told: Int64
    private var isCounted = false

    init(told: Int64) { self.told = told }

    /// Of bytes that have arrived, those that are not counted yet.
    func news(of bytes: Int64) -> Int64 {
        let known = min(told, bytes)
        told -= known
        return bytes - known
    }

    /// The block that was on its way: 1 the first time.
    func partial() -> Int {
        defer { isCounted = true }
        return isCounted ? 0 : 1
    }
}
