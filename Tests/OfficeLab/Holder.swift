internal import Foundation
internal import Glibc
internal import OfficeCore
internal import Synchronization

/// The process that keeps namespaces alive, and lets them go when the lab ends.
///
/// It reads a pipe whose other end only this process has: end-of-file is the lab's end, `kill -9` included.
final class Holder: Sendable {
    /// The script's own process (for a PID namespace its process 1), as this machine sees it.
    let inner: Int32
    private let child: Child
    private let lifeline: Lifeline

    private init(inner: Int32, child: Child, lifeline: Lifeline) {
        self.inner = inner
        self.child = child
        self.lifeline = lifeline
    }

    /// Starts `script` under bash below `unshare`, and waits until it says `ready`.
    static func start(
        _ name: String, unshare: [String], script: String, environment: [String: String], in directory: String
    ) async throws -> Holder {
        let lifeline = try Lifeline(name)
        let output = try LogFile("\(directory)/\(name).log")
        let file = "\(directory)/\(name).sh"
        try Data(script.utf8).write(to: URL(fileURLWithPath: file))
        let child = try Child(
            unshare + ["bash", file], environment: environment, input: lifeline.reading,
            output: output.descriptor, error: output.descriptor)
        try await eventually("\(name) is laid out", within: .seconds(20), every: .milliseconds(2)) {
            child.exit != nil || output.text.hasSuffix("ready\n")
        }
        if let exit = child.exit {
            throw OfficeError(.fault, name, "can't be raised (\(exit)): \(output.text)")
        }
        return Holder(
            inner: unshare.contains("--fork") ? try ProcessTable.child(of: child.pid) : child.pid, child: child,
            lifeline: lifeline)
    }

    /// Lets go and waits until all is over.
    func end() async {
        lifeline.cut()
        _ = await child.ended(within: .seconds(10))
    }
}

/// A pipe whose writing end is this process's hold on another.
final class Lifeline: Sendable {
    /// The end for the process that is to be held.
    let reading: Int32
    private let writing: Mutex<Int32>

    init(_ name: String) throws(OfficeError) {
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw .errno("pipe", of: name) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        reading = ends[0]
        writing = Mutex(ends[1])
    }

    /// Lets go: who reads sees end-of-file.
    func cut() {
        writing.withLock { end in
            if end >= 0 { close(end) }
            end = -1
        }
    }

    deinit {
        cut()
        close(reading)
    }
}

/// A file that a process of the lab writes its output to.
final class LogFile: Sendable {
    let path: String
    let descriptor: Int32

    init(_ path: String) throws(OfficeError) {
        self.path = path
        descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw .errno("open", of: path) }
    }

    var text: String {
        String(decoding: (try? Data(contentsOf: URL(fileURLWithPath: path))) ?? Data(), as: UTF8.self)
    }

    deinit { close(descriptor) }
}

/// What /proc tells of processes.
package enum ProcessTable {
    /// The one child of a process.
    static func child(of pid: Int32) throws(OfficeError) -> Int32 {
        let list = (try? String(contentsOfFile: "/proc/\(pid)/task/\(pid)/children", encoding: .utf8)) ?? ""
        guard let child = list.split(separator: " ").first.flatMap({ Int32($0) }) else {
            throw OfficeError(.temporary, "process \(pid)", "it has no child")
        }
        return child
    }

    /// Every process of this machine.
    package static var all: [Int32] {
        ((try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []).compactMap { Int32($0) }
    }

    /// What a process's namespace of this kind is called: `net:[4026531840]`.
    package static func namespace(_ kind: String, of pid: Int32) -> String? {
        try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/\(pid)/ns/\(kind)")
    }

    /// One `Name:  N kB` line of `/proc/PID/status`, in bytes.
    package static func memory(_ field: String, of pid: Int32) -> Int? {
        guard let status = try? String(contentsOfFile: "/proc/\(pid)/status", encoding: .utf8),
            let line = status.split(separator: "\n").first(where: { $0.hasPrefix("\(field):") }),
            let kilobytes = line.split(whereSeparator: { !$0.isNumber }).first.flatMap({ Int($0) })
        else { return nil }
        return kilobytes * 1024
    }
}
