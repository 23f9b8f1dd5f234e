internal import CLinux
internal import Dispatch
internal import Glibc
package import OfficeCore
internal import Synchronization

/// How a process ended.
package enum Exit: Hashable, Sendable, CustomStringConvertible {
    case status(Int32)
    case signal(Int32)

    /// The exit status as a shell tells it: 128 + n for signal n.
    package var code: Int32 {
        switch self {
        case .status(let status): status
        case .signal(let number): 128 + number
        }
    }

    package var description: String {
        switch self {
        case .status(let status): "exit status \(status)"
        case .signal(let number): "signal \(number)"
        }
    }
}

/// A process started by the lab, in a session of its own so that a Ctrl-C reaches only who started the lab.
///
/// It is reaped through a pidfd, so waiting for it holds no thread however many there are.
package final class Child: Sendable {
    package let pid: Int32
    /// The command, for messages.
    package let words: [String]

    private struct State {
        var exit: Exit?
        var waiting: [CheckedContinuation<Exit, Never>] = []
    }
    private let state: Mutex<State>
    private static let queue = DispatchQueue(label: "officelab.children")

    /// Starts `words` (looked up in PATH) with the given descriptors as standard input, output and error.
    ///
    /// All other descriptors must be close-on-exec; the lab opens none that isn't. Signal dispositions and
    /// mask are the defaults whatever the test runner has set.
    package init(
        _ words: [String], environment: [String: String], input: Int32, output: Int32, error: Int32
    ) throws(OfficeError) {
        self.words = words
        pid = try Self.spawn(words, environment: environment, descriptors: [input, output, error])
        state = Mutex(State())
        let handle = os_pidfd_open(pid)
        guard handle >= 0 else { throw .errno("pidfd_open", of: words.first ?? "") }
        let source = DispatchSource.makeReadSource(fileDescriptor: handle, queue: Self.queue)
        // The handler keeps the source and this object until the child has ended.
        source.setEventHandler { [self] in if reap() { source.cancel() } }
        source.setCancelHandler { close(handle) }
        source.activate()
    }

    private static func spawn(
        _ words: [String], environment: [String: String], descriptors: [Int32]
    ) throws(OfficeError) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (target, descriptor) in descriptors.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, descriptor, Int32(target))
        }

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        // POSIX_SPAWN_SETSID (spawn.h) is hidden behind _GNU_SOURCE.
        let flags = Int32(POSIX_SPAWN_SETSIGMASK) | Int32(POSIX_SPAWN_SETSIGDEF) | 0x80
        posix_spawnattr_setflags(&attributes, Int16(flags))

        let argv = words.map { strdup($0) as UnsafeMutablePointer<CChar>? } + [nil]
        let envp = environment.map { strdup("\($0)=\($1)") as UnsafeMutablePointer<CChar>? } + [nil]
        defer { for pointer in argv + envp { free(pointer) } }
        var pid: Int32 = 0
        let result = posix_spawnp(&pid, words.first ?? "", &actions, &attributes, argv, envp)
        guard result == 0 else {
            throw OfficeError(
                .fault, words.joined(separator: " "), "can't be started: \(String(cString: strerror(result)))")
        }
        return pid
    }

    private func reap() -> Bool {
        var raw: Int32 = 0
        guard waitpid(pid, &raw, WNOHANG) == pid else { return false }
        let exit: Exit = raw & 0x7f == 0 ? .status((raw >> 8) & 0xff) : .signal(raw & 0x7f)
        let waiting = state.withLock { state in
            state.exit = exit
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume(returning: exit) }
        return true
    }

    /// How it ended, or nil while it runs.
    package var exit: Exit? { state.withLock { $0.exit } }

    /// Waits for its end.
    package func ended() async -> Exit {
        await withCheckedContinuation { continuation in
            let exit = state.withLock { state -> Exit? in
                if state.exit == nil { state.waiting.append(continuation) }
                return state.exit
            }
            if let exit { continuation.resume(returning: exit) }
        }
    }

    /// Waits for its end at most `limit` long; what is left then, or when the caller is cancelled, is killed
    /// with its whole process group, and nil is the answer.
    package func ended(within limit: Duration) async -> Exit? {
        let late = Atomic(false)
        return await withTaskCancellationHandler {
            let timer = DispatchSource.makeTimerSource(queue: Self.queue)
            timer.schedule(deadline: .now() + limit.dispatchInterval)
            timer.setEventHandler { [self] in
                late.store(true, ordering: .relaxed)
                killGroup()
            }
            timer.activate()
            defer { timer.cancel() }
            let exit = await ended()
            return late.load(ordering: .relaxed) ? nil : exit
        } onCancel: {
            late.store(true, ordering: .relaxed)
            killGroup()
        }
    }

    /// Sends a signal to it alone. A process that has ended is left alone: its pid may be another's.
    package func signal(_ number: Int32) {
        state.withLock { state in
            if state.exit == nil { _ = kill(pid, number) }
        }
    }

    /// Kills it and all that it started in its session.
    package func killGroup() {
        state.withLock { state in
            if state.exit == nil { _ = kill(-pid, SIGKILL) }
        }
    }
}

extension Duration {
    /// The same for Dispatch, to the nanosecond.
    var dispatchInterval: DispatchTimeInterval {
        let (seconds, attoseconds) = components
        return .nanoseconds(Int(seconds) * 1_000_000_000 + Int(attoseconds / 1_000_000_000))
    }
}

extension OfficeError {
    /// A failed system call of the lab's own, said with errno.
    static func errno(_ call: String, of what: String) -> OfficeError {
        OfficeError(.fault, what, "\(call) failed: \(String(cString: strerror(Glibc.errno)))")
    }
}
