import Crypto
import CryptoExtras
import FoundationEssentials
package import OfficeCore
import OfficeFolders
package import OfficeTrust
import Synchronization

/// Somebody without a node, as the file server knows them.
package struct UserAccount: Codable, Sendable, Equatable {
    package let name: UserName
    package let created: Timestamp
    package var lastSeen: Timestamp?
    var password: PasswordHash
}

/// What is kept of a password: scrypt (RFC 7914), with the costs it was made with.
struct PasswordHash: Codable, Sendable, Equatable {
    /// 32 MiB and about a tenth of a second: what a guess costs.
    private static let costs = (rounds: 1 << 15, blockSize: 8, parallelism: 1)
    private static let bytes = 32

    let rounds: Int
    let blockSize: Int
    let parallelism: Int
    let salt: Data
    let hash: Data

    init(of password: [UInt8]) throws(OfficeError) {
        (rounds, blockSize, parallelism) = Self.costs
        var generator = SystemRandomNumberGenerator()
        salt = Data((0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
        hash = try Self.derive(password, salt, Self.costs.rounds, Self.costs.blockSize, Self.costs.parallelism)
    }

    func matches(_ password: [UInt8]) throws(OfficeError) -> Bool {
        let other = try Self.derive(password, salt, rounds, blockSize, parallelism)
        // In a time that doesn't depend on where they differ.
        return other.count == hash.count && zip(other, hash).reduce(0) { $0 | ($1.0 ^ $1.1) } == 0
    }

    private static func derive(
        _ password: [UInt8], _ salt: Data, _ rounds: Int, _ blockSize: Int, _ parallelism: Int
    ) throws(OfficeError) -> Data {
        do {
            let key = try KDF.Scrypt.deriveKey(
                from: password, salt: salt, outputByteCount: bytes, rounds: rounds, blockSize: blockSize,
                parallelism: parallelism)
            return key.withUnsafeBytes { Data($0) }
        } catch {
            throw OfficeError(.fault, "password", "scrypt failed")
        }
    }
}

/// Which guesses are let through: after some wrong ones an account waits, twice as long each time. Pure.
package struct GuessThrottle: Sendable {
    private static let free = 5
    private static let longest = Duration.seconds(900)
    /// Names that are remembered: those that are no accounts count, too, so that nothing tells them apart.
    private static let most = 10_000

    private var wrong: [UserName: (count: Int, until: ContinuousClock.Instant)] = [:]

    package init() {}

    /// Throws `.limit` while the name has to wait.
    package func check(_ name: UserName, now: ContinuousClock.Instant) throws(OfficeError) {
        guard let known = wrong[name], known.until > now else { return }
        let seconds = (known.until - now).components.seconds + 1
        throw OfficeError(
            .limit, name.description, "too many wrong passwords", mend: "Try again in \(seconds) seconds.")
    }

    package mutating func failed(_ name: UserName, now: ContinuousClock.Instant) {
        let count = (wrong[name]?.count ?? 0) + 1
        let excess = count - Self.free
        let pause = excess < 0 ? .zero : min(Self.longest, .seconds(1 << min(excess, 10)))
        if wrong.count >= Self.most, wrong[name] == nil, let oldest = wrong.min(by: { $0.value.until < $1.value.until })
        {
            wrong[oldest.key] = nil
        }
        wrong[name] = (count, now + pause)
    }

    package mutating func succeeded(_ name: UserName) { wrong[name] = nil }
}

/// The people without a node: a file of the store's own, which only the service may read. All methods block.
package final class Accounts: Sendable {
    private static let most = 10_000
    private static let longestFile = 16 << 20
    private static let passwordBytes = 8...1024

    private let feed: ChangeFeed
    private let root: Folder
    private let path: RelativePath
    private let accounts: Mutex<[UserName: UserAccount]>
    /// The store's folder, by way of whose staging folder they are written where several nodes serve the store.
    private let staged = Mutex<Folder?>(nil)
    private let throttle = Mutex(GuessThrottle())
    /// One at a time: each takes 32 MiB.
    private let hashing = Mutex<Void>(())

    /// - Parameter folder: Where, in the store.
    init(root: Folder, in folder: FileName, feed: ChangeFeed, mayWrite: Bool = true) throws(OfficeError) {
        self.feed = feed
        self.root = root
        path = try RelativePath([folder, try FileName("users")])
        let known = try Self.read(path, in: root)
        accounts = Mutex(known)
        // A copy of the store may have come with other permissions.
        if !known.isEmpty, mayWrite { try write(known) }
    }

    private static func read(_ path: RelativePath, in root: Folder) throws(OfficeError) -> [UserName: UserAccount] {
        var known: [UserName: UserAccount] = [:]
        do throws(OfficeError) {
            let bytes = try root.read(path, limit: longestFile)
            for account in try StoreJSON.decode([UserAccount].self, bytes, path.description) {
                known[account.name] = account
            }
        } catch  where error.code == .notFound {
            // Nobody yet.
        }
        return known
    }

    /// Reads them anew: from now on this node is the one that changes them, by way of its staging folder.
    func lead(by staged: Folder) throws(OfficeError) {
        try accounts.withLock { (accounts) throws(OfficeError) in
            accounts = try Self.read(path, in: root)
            self.staged.withLock { $0 = staged }
        }
    }

    package var all: [UserAccount] { accounts.withLock { $0.values.sorted { $0.name < $1.name } } }

    package func add(_ name: UserName, password: [UInt8], now: Timestamp) throws(OfficeError) -> UserAccount {
        let hash = try hash(password)
        return try change { (accounts) throws(OfficeError) in
            guard accounts[name] == nil else {
                throw OfficeError(
                    .exists, name.description, "there is a user of that name already",
                    mend: "'officeshare user passwd' gives them another password.")
            }
            guard accounts.count < Self.most else {
                throw OfficeError(.limit, name.description, "there are \(Self.most) users, the most there may be")
            }
            let account = UserAccount(name: name, created: now, lastSeen: nil, password: hash)
            accounts[name] = account
            return account
        }
    }

    package func setPassword(of name: UserName, _ password: [UInt8]) throws(OfficeError) -> UserAccount {
        let hash = try hash(password)
        return try change { (accounts) throws(OfficeError) in
            guard var account = accounts[name] else { throw Self.unknown(name) }
            account.password = hash
            accounts[name] = account
            return account
        }
    }

    package func remove(_ name: UserName) throws(OfficeError) -> UserAccount {
        try change { (accounts) throws(OfficeError) in
            guard let account = accounts.removeValue(forKey: name) else { throw Self.unknown(name) }
            return account
        }
    }

    /// Whether the password is that of the user. Throws `.limit` where too many were wrong. A name that is no user's
    /// takes as long as one that is.
    package func verify(
        _ name: UserName, password: [UInt8], now: ContinuousClock.Instant = .now
    ) throws(OfficeError) -> Bool {
        try throttle.withLock { (throttle) throws(OfficeError) in try throttle.check(name, now: now) }
        let known = accounts.withLock { $0[name]?.password }
        let isRight = try hashing.withLock { (_) throws(OfficeError) in
            guard let known else {
                _ = try PasswordHash(of: password)
                return false
            }
            return try known.matches(password)
        }
        throttle.withLock { throttle in
            if isRight { throttle.succeeded(name) } else { throttle.failed(name, now: now) }
        }
        return isRight
    }

    /// In a copy of a store: those that it has.
    func replace(by others: [UserAccount]) throws(OfficeError) {
        try accounts.withLock { (accounts) throws(OfficeError) in
            let copy = Dictionary(others.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
            try write(copy)
            accounts = copy
        }
    }

    private func hash(_ password: [UInt8]) throws(OfficeError) -> PasswordHash {
        guard Self.passwordBytes.contains(password.count) else {
            throw OfficeError(
                .malformed, "password",
                "it has \(password.count) bytes; \(Self.passwordBytes.lowerBound) to \(Self.passwordBytes.upperBound) "
                    + "are possible")
        }
        return try hashing.withLock { (_) throws(OfficeError) in try PasswordHash(of: password) }
    }

    private func change(
        _ body: (inout [UserName: UserAccount]) throws(OfficeError) -> UserAccount
    ) throws(OfficeError) -> UserAccount {
        try accounts.withLock { (accounts) throws(OfficeError) in
            var copy = accounts
            let account = try body(&copy)
            try write(copy)
            accounts = copy
            feed.note(.users(copy.values.sorted { $0.name < $1.name }))
            return account
        }
    }

    private func write(_ accounts: [UserName: UserAccount]) throws(OfficeError) {
        let sorted = accounts.values.sorted { $0.name < $1.name }
        let root = staged.withLock { $0 } ?? root
        try root.write(try StoreJSON.encode(sorted, path.description), to: path, isPrivate: true)
    }

    private static func unknown(_ name: UserName) -> OfficeError {
        OfficeError(
            .notFound, name.description, "there is no such user", mend: "'officeshare user ls' shows who there is.")
    }
}
