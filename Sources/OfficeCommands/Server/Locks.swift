import ArgumentParser
import OfficeControl
import OfficeCore

struct Lock: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "lock", abstract: "Keep others from changing a file of the office for a while.",
        discussion: """
            Everyone can still read it; who else would replace, move or remove it hears who has locked it. The same again \
            makes it longer. It ends by itself, when this machine is away for half a minute, and when the file server is \
            started anew.
            """)

    @Argument(help: "office/SPACE/PATH.")
    var path: ByteString

    @Option(name: .customLong("for"), help: ArgumentHelp("For how long: 90s, 15m, 2h.", valueName: "time"))
    var time = Seconds(15 * 60)

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let place = try SpacePlace(path)
        let answer = try await session.ask(.lock(space: place.space, path: place.path, seconds: time.value))
        guard let lock = answer.locks?.first else { throw Locks.unsupported }
        let output = try LockOutput(lock)
        try await session.show(output) { ["\(output.path.escapedForTerminal) is yours for \(output.secondsLeft) s."] }
    }
}

struct Unlock: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "unlock", abstract: "Let others change a file again.")

    @Argument(help: "office/SPACE/PATH.")
    var path: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let place = try SpacePlace(path)
        _ = try await session.ask(.unlock(space: place.space, path: place.path))
    }
}

struct Locks: OfficeCommand {
    static let configuration = CommandConfiguration(commandName: "locks", abstract: "Show which files are locked.")

    @Argument(help: "office/SPACE (default: all).")
    var space: ByteString?

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let place = try space.map { try SpacePlace($0) }
        let answer = try await session.ask(.locks(space: place?.space))
        guard let locks = answer.locks else { throw Self.unsupported }
        let output = try locks.map { try LockOutput($0) }
        try await session.show(array: output) { LockOutput.table(output) }
    }

    static let unsupported = OfficeError(
        .unavailable, Label.office, "its file server knows of no locks", mend: "Bring it to this node's version.")
}

/// A lock as it is printed.
struct LockOutput: Encodable, Sendable {
    let path: String
    let holder: String
    let since: Timestamp
    let secondsLeft: Int

    init(_ lock: LockModel) throws(OfficeError) {
        path = "\(Label.office)/" + String(decoding: lock.path.bytes, as: UTF8.self)
        holder = lock.holder
        since = lock.since
        secondsLeft = lock.secondsLeft
    }

    static func table(_ locks: [LockOutput]) -> Table {
        var table = Table("PATH", "BY", "SINCE", "SECONDS LEFT")
        for lock in locks {
            table.add(
                lock.path.escapedForTerminal, lock.holder.escapedForTerminal, HumanText.localTime(lock.since),
                "\(lock.secondsLeft)")
        }
        return table
    }
}
