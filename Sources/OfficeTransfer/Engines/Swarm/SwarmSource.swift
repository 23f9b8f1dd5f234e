import OfficeCore

/// A block on its way from one source.
struct SwarmIncoming {
    let index: Int
    let source: Int
    var filled = 0
    /// Its bytes, where another source writes the block in place.
    var spare: [UInt8]?
    /// It came in the meantime: the rest is passed over.
    var isTooLate = false
}

/// One of those who send, as it is with it now.
struct SwarmSource {
    static let firstPause = Duration.milliseconds(200)
    static let longestPause = Duration.seconds(2)

    let name: Label
    /// It holds blocks in passing, and no file: what it lacks it may have later.
    var isHolder = false
    /// Blocks that came to it, as it last said while it had none to send.
    var arrived: Int64 = -1
    var heard: Duration
    var pause = Self.firstPause
    /// When it is tried again after an error; nil while it is used.
    var retryAt: Duration?
    /// It has not this content, or sent what is wrong: it is not asked again.
    var isDead = false
    /// Wrong blocks, and right ones.
    var rejected = 0
    var accepted = 0
    /// Requests that run.
    var requests = 0
}

extension SwarmState {
    /// Ends an exchange whose answer nobody needs: no error of the source's.
    static let cut = OfficeError(.temporary, "request", "it is over")
}
