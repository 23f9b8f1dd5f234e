import CLinux
import Glibc
import OfficeCore
import OfficeFolders
import Testing

@Suite("Names and links that want to lead out of the folder")
struct HostileTests {
    private let ground = Playground(alone: true)
    private let secret = "secret outside of the share"

    private init() {
        ground.write("spare", to: ground.shared + "/spare")
        ground.write("own", to: ground.shared + "/own")
        mkdir(ground.shared + "/folder", 0o755)
        ground.write(secret, to: ground.outside + "/file")
        mkdir(ground.outside + "/sub", 0o755)
        ground.write(secret, to: ground.outside + "/sub/deep")
        symlink("../outside", ground.shared + "/out")
        symlink("../outside/file", ground.shared + "/outfile")
        symlink(ground.outside, ground.shared + "/absolute")
        symlink("folder/../../outside", ground.shared + "/winding")
        symlink("/proc/self/root/etc", ground.shared + "/magic")
        symlink("out", ground.shared + "/chain")
        symlink("..", ground.shared + "/up")
        symlink("gone/../../outside/new", ground.shared + "/dangling")
    }

    private var canaries: Canaries {
        Canaries(["", "/file", "/sub", "/sub/deep"].map { ground.outside + $0 } + [ground.path])
    }

    /// Names that are refused at the edge: no verb ever sees them.
    static let refused: [[UInt8]] =
        [
            "..", ".", "../outside", "a/../..", "a/./b", "/etc/passwd", "//etc", "a/..", "folder/../../outside/file",
        ].map { Array($0.utf8) } + [
            Array("a\0b".utf8), [0], [UInt8](repeating: 0x61, count: 256),
            [UInt8](Array(repeating: Array(repeating: 0x61, count: 255), count: 17).joined(separator: [0x2F])),
        ]

    @Test("Paths that lead up, are absolute, have a NUL or are over-long are none", arguments: refused)
    func edge(bytes: [UInt8]) {
        #expect(code { _ = try RelativePath(parsing: bytes) } == .malformed)
        for name in bytes.split(separator: 0x2F) where name == [0x2E, 0x2E] {
            #expect(code { _ = try FileName(name) } == .malformed)
        }
    }

    /// Names that are strange, and names all the same: they mean themselves and nothing else.
    static let strange: [[UInt8]] =
        [
            "%2e%2e", "%2e%2e%2f", "%2F", "..\\..\\outside", "C:\\x", "\\\\host\\x", "...", "..;", "~", "-rf", "--",
            "*",
            "a\nb", "\u{1b}[2J", "e\u{301}", "\u{e9}", "CON", " ", "a ", "&", "$(id)", "\u{202e}x",
        ].map { Array($0.utf8) } + [
            [0xFF, 0xFE], [0xC0, 0xAE, 0xC0, 0xAE], [0x2E, 0x2E, 0xFF], [UInt8](repeating: 0x61, count: 255),
        ]

    @Test("Strange names are kept byte by byte, by every verb", arguments: strange)
    func names(bytes: [UInt8]) throws {
        let (folder, canaries) = (try ground.folder(), canaries)
        let path = try RelativePath(parsing: bytes)
        try Verb.commit.perform(folder, path, spare: path)
        #expect(try folder.open(path).text() == "written")
        #expect(try folder.list(.root).all().contains { $0.path.bytes == bytes && $0.kind == .file })
        try folder.move(path, to: .of("moved"), replacing: .never)
        try folder.makeDirectory(path)
        try folder.move(.of("moved"), to: try path.appending(FileName(bytes)), replacing: .never)
        try folder.remove(path, recursive: true)
        #expect(code { _ = try folder.entry(path) } == .notFound)
        #expect(canaries.touched.isEmpty)
    }

    static let wayOut = ["out", "outfile", "absolute", "winding", "magic", "chain", "up", "dangling"]

    @Test("A link out of the share, last or on the way, is followed by no verb", arguments: Verb.allCases, wayOut)
    func links(verb: Verb, link: String) throws {
        let (folder, canaries) = (try ground.folder(), canaries)
        let spare = try RelativePath.of("spare")
        for path in ["file", "sub", "sub/deep", "new", "sub/new", "outside/file", "passwd"] {
            #expect(throws: OfficeError.self) { try verb.perform(folder, .of("\(link)/\(path)"), spare: spare) }
            ground.write("spare", to: ground.shared + "/spare")
        }
        // The link itself may be named, replaced, moved and removed; what it points to may not.
        try? verb.perform(folder, .of(link), spare: spare)
        #expect(canaries.touched.isEmpty)
        #expect(ground.names(ground.outside) == ["file", "sub"])
        #expect(ground.names(ground.path) == ["shared", "outside"])
        #expect(ground.read(ground.outside + "/file") == secret)
    }

    @Test("A link that leads out is listed as a link, and can't be opened or entered")
    func visible() throws {
        let folder = try ground.folder()
        let entry = try folder.entry(.of("outfile"))
        #expect(entry.kind == .symlink)
        #expect(entry.target == Array("../outside/file".utf8))
        #expect(code { _ = try folder.open(.of("outfile")) } == .notAllowed)
        #expect(code { _ = try folder.list(.of("out")) } == .notAllowed)
        #expect(code { _ = try folder.subfolder(.of("up")) } == .notAllowed)
        #expect(code { try folder.setExecutable(.of("outfile"), true) } == .notAllowed)
        #expect(throws: OfficeError.self) { try folder.sync(.of("out")) }
    }

    @Test("The canaries do sing: a read, a listing and a change outside are told")
    func canariesSing() {
        var before = canaries
        _ = ground.read(ground.outside + "/file")
        #expect(before.touched == [ground.outside + "/file"])
        before = canaries
        _ = ground.names(ground.outside + "/sub")
        #expect(before.touched == [ground.outside + "/sub"])
        before = canaries
        chmod(ground.outside + "/sub/deep", 0o600)
        #expect(before.touched == [ground.outside + "/sub/deep"])
    }

    @Test("Links that stay inside work, last and on the way")
    func inside() throws {
        let folder = try ground.folder()
        symlink("folder", ground.shared + "/in")
        symlink("../own", ground.shared + "/folder/back")
        let path = try RelativePath.of("in/back")
        #expect(try folder.open(path).text() == "own")
        try Verb.commit.perform(folder, .of("in/new"), spare: path)
        #expect(ground.read(ground.shared + "/folder/new") == "written")
        // What is written over a link replaces the link.
        try Verb.commitOver.perform(folder, path, spare: path)
        #expect(ground.read(ground.shared + "/own") == "own")
        #expect(try folder.entry(path).kind == .file)
        // A subfolder is a root of its own: what is inside of the share is outside of it.
        symlink("../own", ground.shared + "/folder/again")
        #expect(code { _ = try folder.subfolder(.of("folder")).open(.of("again")) } == .notAllowed)
    }

    @Test("officeshare's own temporaries are seen and reached by nobody, not even by a link", arguments: Verb.allCases)
    func reserved(verb: Verb) throws {
        let folder = try ground.folder()
        let partial = try folder.partial(for: .of("own"), key: "k")
        try partial.write("hidden")
        try partial.appendJournal([1])
        let hidden = ground.names(ground.shared).filter { $0.hasPrefix(".officeshare-") }
        #expect(hidden.count == 2)
        let listed = try folder.list(.root).all().map(\.path.description)
        #expect(!listed.contains { $0.contains("officeshare") })
        let spare = try RelativePath.of("spare")
        for name in hidden {
            symlink(name, ground.shared + "/peek")
            #expect(throws: OfficeError.self) { try verb.perform(folder, .of(name), spare: spare) }
            try? verb.perform(folder, .of("peek"), spare: spare)
            unlink(ground.shared + "/peek")
            unlink(ground.shared + "/spare")
            ground.write("spare", to: ground.shared + "/spare")
        }
        symlink(hidden.sorted()[1], ground.shared + "/peek2")
        #expect(code { _ = try folder.open(.of("peek2")) } == .notFound)
        mkdir(ground.shared + "/.officeshare-x", 0o755)
        ground.write("x", to: ground.shared + "/.officeshare-x/y")
        symlink(".officeshare-x", ground.shared + "/peek3")
        #expect(throws: OfficeError.self) { try verb.perform(folder, .of("peek3/y"), spare: spare) }
        #expect(throws: OfficeError.self) { try verb.perform(folder, .of(".officeshare-x/y"), spare: spare) }
        #expect(ground.read(ground.shared + "/.officeshare-x/y") == "x")
        #expect(try partial.journal() == [1])
        try partial.commit(modified: .now, executable: false, replacing: .always)
        #expect(try folder.open(.of("own")).text() == "hidden")
    }

    @Test(
        "The share itself can't be removed, moved or replaced",
        arguments: [
            Verb.moveFrom, .moveTo, .remove, .removeTree, .partial, .commitOver, .replaceWithSymlink, .makeDirectory,
        ])
    func root(verb: Verb) throws {
        let folder = try ground.folder()
        #expect(code { try verb.perform(folder, .root, spare: .of("spare")) } == .notAllowed)
        #expect(ground.read(ground.shared + "/own") == "own")
    }

    @Test("Pipes, devices and sockets are not shared, and opening one blocks nobody")
    func special() throws {
        let folder = try ground.folder()
        mkfifo(ground.shared + "/pipe", 0o666)
        mknod(ground.shared + "/device", S_IFCHR | 0o666, 0x103)
        mknod(ground.shared + "/socket", S_IFSOCK | 0o666, 0)
        symlink("pipe", ground.shared + "/to-pipe")
        for name in ["pipe", "device", "socket", "to-pipe"] {
            #expect(code { _ = try folder.open(.of(name)) } == .notAllowed)
        }
        #expect(code { _ = try folder.entry(.of("pipe")) } == .notAllowed)
        #expect(code { try folder.setExecutable(.of("pipe"), true) } == .notAllowed)
        let names = Set(try folder.list(.root).all().map(\.path.description))
        #expect(names.isDisjoint(with: ["pipe", "device", "socket"]))
        #expect(names.contains("to-pipe"))
    }

    @Test("setuid and setgid are never made and never kept by what is written")
    func setuid() throws {
        let folder = try ground.folder()
        chmod(ground.shared + "/own", 0o6755)
        try Verb.commitOver.perform(folder, .of("own"), spare: .root)
        #expect((ground.status(ground.shared + "/own")?.st_mode ?? 0) & 0o7777 == 0o755)
        chmod(ground.shared + "/own", 0o4644)
        try folder.setExecutable(.of("own"), true)
        #expect((ground.status(ground.shared + "/own")?.st_mode ?? 0) & 0o7777 == 0o755)
    }
}
