import ArgumentParser
import OfficeControl
import OfficeCore

/// `officeshare user …`: people without a node.
struct UserCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "user", abstract: "See to the file server's users: people without a node of their own.",
        subcommands: [UserAdd.self, UserRemove.self, UserPassword.self, UserList.self])
}

struct UserAdd: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "add", abstract: "Add a user, whose password is read from standard input.",
        discussion: "Spaces name them 'user:NAME'. For admins' machines and the file server.")

    @Argument(help: "The user's name.")
    var name: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let password = try await session.secretFromInput(prompt: "Password: ", what: "password")
        let answer = try await session.ask(
            .addUser(name: try name.text("NAME"), password: Base64.encode(password.bytes)))
        try await session.show(users: answer.users, done: "is a user now")
    }
}

struct UserPassword: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "passwd", abstract: "Give a user another password, read from standard input.")

    @Argument(help: "The user's name.")
    var name: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let password = try await session.secretFromInput(prompt: "Password: ", what: "password")
        let answer = try await session.ask(
            .setPassword(name: try name.text("NAME"), password: Base64.encode(password.bytes)))
        try await session.show(users: answer.users, done: "has another password now")
    }
}

struct UserRemove: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "rm", abstract: "Remove a user, also from the lists of all spaces.")

    @Argument(help: "The user's name.")
    var name: ByteString

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let answer = try await session.ask(.removeUser(name: try name.text("NAME")))
        try await session.show(users: answer.users, done: "is a user no longer")
    }
}

struct UserList: OfficeCommand {
    static let configuration = CommandConfiguration(commandName: "ls", abstract: "Show the users.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let users = try await session.ask(.users).users
        try await session.show(array: users) {
            var table = Table("NAME", "CREATED", "SEEN")
            for user in users {
                table.add(
                    user.name.escapedForTerminal, HumanText.localTime(user.created), HumanText.localTime(user.lastSeen))
            }
            return table
        }
    }
}

extension Session {
    fileprivate func show(users: [UserModel], done: String) async throws {
        guard let user = users.first else { return }
        try await show(user) { ["\(user.name.escapedForTerminal) \(done)."] }
    }
}
