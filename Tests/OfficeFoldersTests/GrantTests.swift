import CLinux
import Glibc
import OfficeCore
import OfficeFolders
import Testing

@Suite("What share add and share rm do with access lists")
struct GrantTests {
    private let ground = Playground()
    private var shared: [UInt8] { Array(ground.shared.utf8) }
    private let grant = FolderGrant(service: User.service)

    /// A private home of `User.owner` with the shared folder in it.
    private init() {
        ground.write("own", to: ground.shared + "/private")
        mkdir(ground.shared + "/sub", 0o700)
        ground.write("deep", to: ground.shared + "/sub/deep")
        symlink("../../outside", ground.shared + "/sub/link")
        ground.write("outside", to: ground.outside + "/file")
        chmod(ground.shared + "/private", 0o600)
        run("chown", "-hR", "\(User.owner):\(User.owner)", ground.path)
        chmod(ground.shared, 0o700)
        chmod(ground.path, 0o700)
    }

    private func lists() -> String {
        let listing = ground.path + ".lists"
        defer { unlink(listing) }
        run(
            "sh", "-c",
            "cd \(ground.path) && getfacl -PRnp . > \(listing); find . -printf '%p %m %u\\n' | sort >> \(listing)")
        return ground.read(listing) ?? ""
    }

    private func apply(
        _ access: GrantAccess, _ path: String? = nil, previous: GrantRecord? = nil, others: [GrantRecord] = []
    ) throws -> GrantOutcome {
        let (grant, path) = (grant, path.map { Array($0.utf8) } ?? shared)
        return try asUser(User.owner) { try grant.apply(to: path, access: access, previous: previous, others: others) }
    }

    private func takeBack(_ record: GrantRecord, others: [GrantRecord] = []) throws -> [GrantChange] {
        let grant = grant
        return try asUser(User.owner) { try grant.takeBack(record, others: others) }
    }

    private func asService<T: Sendable>(_ body: @escaping @Sendable (Folder) throws -> T) throws -> T {
        let shared = shared
        return try asUser(User.service) { try body(try Folder(at: shared)) }
    }

    @Test("Read-only: the service reads all of it, writes nothing, and nothing beside it")
    func readOnly() throws {
        let before = lists()
        #expect(throws: OfficeError.self) { try asService { _ in } }
        let outcome = try apply(.readOnly)
        #expect(outcome.changes.contains(.granted(folders: 2, files: 1, .readOnly)))
        #expect(outcome.changes.contains(.passage(ground.path)))
        try asService { (folder) throws in
            #expect(try folder.open(.of("private")).text() == "own")
            #expect(try folder.open(.of("sub/deep")).text() == "deep")
            #expect(try folder.unreadable(limit: 10).paths.isEmpty)
            #expect(code { try folder.makeDirectory(.of("new")) } == .notAllowed)
            #expect(code { _ = try folder.partial(for: .of("private"), key: "") } == .notAllowed)
        }
        let (outside, path) = (Array(ground.outside.utf8), Array(ground.path.utf8))
        try asUser(User.service) { () throws in
            #expect(code { _ = try Folder(at: outside).open(.of("file")) } == nil)
            #expect(code { _ = try Folder(at: path).list(.root) } == .notAllowed)
        }
        #expect(try apply(.readOnly, previous: outcome.record).changes.isEmpty)
        _ = try takeBack(outcome.record)
        #expect(lists() == before)
    }

    @Test("Read and write: what one of owner and service makes, the other can change, whatever the umask")
    func readWrite() throws {
        let outcome = try apply(.readWrite)
        try asService { (folder) throws in
            try folder.makeDirectory(.of("made"))
            let partial = try folder.partial(for: .of("made/file"), key: "")
            try partial.write("by the service")
            try partial.commit(modified: .now, executable: false, replacing: .never)
            let replaced = try folder.partial(for: .of("private"), key: "")
            try replaced.write("replaced")
            try replaced.commit(modified: .now, executable: false, replacing: .always)
        }
        let path = ground.shared
        try asUser(User.owner) { () throws in
            for name in ["/made/file", "/private"] {
                let fd = Glibc.open(path + name, O_RDWR | O_APPEND)
                #expect(fd >= 0 && Glibc.write(fd, "!", 1) == 1, "the owner can't edit \(name)")
                close(fd)
            }
        }
        run(
            "setpriv", "--reuid=\(User.owner)", "--regid=\(User.owner)", "--clear-groups", "sh", "-c",
            "umask 077 && cd \(path)/made && mkdir by-owner && touch by-owner/file")
        try asService { (folder) throws in
            #expect(try folder.open(.of("made/file")).text() == "by the service!")
            #expect(try folder.open(.of("made/by-owner/file")).identity.size == 0)
            #expect(try folder.unreadable(limit: 10, writing: true).paths.isEmpty)
        }
        // Nobody else got in: the file that was private still is.
        #expect((ground.status(ground.shared + "/private")?.st_mode ?? 0o777) & 0o007 == 0)
        // Taking it back leaves what the service wrote usable for the owner.
        _ = try takeBack(outcome.record)
        #expect(throws: OfficeError.self) { try asService { _ in } }
        try asUser(User.owner) { () throws in
            let fd = Glibc.open(path + "/made/file", O_RDWR)
            #expect(fd >= 0)
            close(fd)
        }
    }

    @Test("Lists that were there before are there again afterwards, exactly")
    func exceptions() throws {
        run("setfacl", "-m", "u:\(User.service):r,u:\(User.other):rw", ground.shared + "/private")
        run("setfacl", "-m", "u:\(User.other):rwx,g:\(User.other):rx,m:r", ground.shared + "/sub")
        run("setfacl", "-d", "-m", "u:\(User.other):rwx", ground.shared + "/sub")
        let before = lists()
        let first = try apply(.readOnly)
        let second = try apply(.readWrite, previous: first.record)
        #expect(!second.changes.isEmpty)
        _ = try takeBack(second.record)
        #expect(lists() == before)
    }

    @Test("From read and write to read-only, the service's right to write goes")
    func lowering() throws {
        let before = lists()
        let first = try apply(.readWrite)
        let second = try apply(.readOnly, previous: first.record)
        try asService { (folder) throws in
            #expect(try folder.open(.of("private")).text() == "own")
            #expect(code { try folder.makeDirectory(.of("sub/new")) } == .notAllowed)
        }
        _ = try takeBack(second.record)
        #expect(lists() == before)
    }

    @Test(
        "Two shares, one in the other: each keeps what it needs, in whichever order they go", arguments: [true, false],
        [true, false])
    func nested(outerFirst: Bool, innerAddedFirst: Bool) throws {
        let before = lists()
        let paths = [ground.shared, ground.shared + "/sub"]
        var records: [GrantRecord?] = [nil, nil]
        for index in innerAddedFirst ? [1, 0] : [0, 1] {
            records[index] = try apply(.readOnly, paths[index], others: records.compactMap(\.self)).record
        }
        let outer = try #require(records[0])
        let inner = try #require(records[1])
        let (first, second) = outerFirst ? (outer, inner) : (inner, outer)
        _ = try takeBack(first, others: [second])
        let kept = Array((outerFirst ? paths[1] : paths[0]).utf8)
        try asUser(User.service) { () throws in
            #expect(try Folder(at: kept).unreadable(limit: 10).paths.isEmpty)
            #expect(try Folder(at: kept).open(.of(outerFirst ? "deep" : "sub/deep")).text() == "deep")
        }
        if outerFirst { #expect(code { try asService { _ = try $0.list(.root) } } == .notAllowed) }
        _ = try takeBack(second)
        #expect(lists() == before)
    }

    @Test("A file that became private later is found, and granting again mends it")
    func mending() throws {
        let first = try apply(.readOnly)
        chmod(ground.shared + "/private", 0o600)
        chmod(ground.shared + "/sub", 0)
        let found = try asService { try $0.unreadable(limit: 10) }
        #expect(Set(found.paths) == [try .of("private"), try .of("sub")])
        #expect(try asService { try $0.unreadable(limit: 1) }.isComplete == false)
        chmod(ground.shared + "/sub", 0o700)
        _ = try apply(.readOnly, previous: first.record)
        #expect(try asService { try $0.unreadable(limit: 10).paths.isEmpty })
    }

    @Test("A folder of somebody else is refused with what would mend it; nothing was changed")
    func refused() throws {
        let before = lists()
        let (grant, shared) = (grant, shared)
        let error = #expect(throws: OfficeError.self) {
            try asUser(User.owner) { () throws in
                _ = try FolderGrant(service: User.other).apply(to: Array("/root".utf8), access: .readOnly)
            }
        }
        #expect(error?.code == .notAllowed)
        #expect(error?.mend?.contains("setfacl") == true)
        chmod(ground.path, 0o711)
        #expect(throws: OfficeError.self) {
            try asUser(User.other) { _ = try grant.apply(to: shared, access: .readWrite) }
        }
        chmod(ground.path, 0o700)
        #expect(lists() == before)
    }

    @Test("Files of others in the folder are counted and left; links lead nowhere")
    func beyond() throws {
        ground.write("root's", to: ground.shared + "/sub/roots")
        chmod(ground.shared + "/sub/roots", 0o600)
        chmod(ground.outside, 0o700)
        chmod(ground.outside + "/file", 0o600)
        let outcome = try apply(.readOnly)
        #expect(outcome.changes.contains(.beyond(count: 1, examples: ["sub/roots"])))
        let outside = Array(ground.outside.utf8)
        try asUser(User.service) { () throws in #expect(code { _ = try Folder(at: outside).list(.root) } == .notAllowed)
        }
    }

    @Test("Two shares of one folder: the first to go takes nothing from the other")
    func twice() throws {
        let before = lists()
        let first = try apply(.readOnly).record
        let second = try apply(.readWrite, others: [first]).record
        _ = try takeBack(second, others: [first])
        try asService { (folder) throws in
            #expect(try folder.open(.of("private")).text() == "own")
            #expect(code { try folder.makeDirectory(.of("new")) } == .notAllowed)
        }
        let third = try apply(.readOnly, others: [first]).record
        _ = try takeBack(first, others: [third])
        #expect(try asService { try $0.unreadable(limit: 1).paths.isEmpty })
        _ = try takeBack(third)
        #expect(lists() == before)
    }

    @Test("The record survives its way through JSON")
    func record() throws {
        run("setfacl", "-m", "u:\(User.other):rwx", ground.shared + "/sub")
        let record = try apply(.readWrite).record
        let copy = try JSONRoundTrip.of(record)
        #expect(copy == record)
    }

    @Test("A folder that was replaced since is not touched")
    func replaced() throws {
        let record = try apply(.readOnly).record
        rename(ground.shared, ground.path + "/moved")
        mkdir(ground.shared, 0o755)
        let before = lists()
        #expect(try takeBack(record).contains(.gone(ground.shared)))
        #expect(lists() != before, "the way there is closed again")
        #expect(ground.status(ground.shared)?.st_mode == 0o755 | S_IFDIR)
    }
}
