import ArgumentParser
import OfficeCore

/// `officeshare`: folders and printers of the office, from the shell.
struct Officeshare: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "officeshare",
        abstract: "The computers of an office share their folders and printers.",
        discussion: """
            Files of the office are named NODE/SHARE/PATH, printers NODE/QUEUE; 'officeshare ls' and \
            'officeshare printers' show what there is. \
            A command that was interrupted goes on where it stopped when it is run again.
            """,
        version: "officeshare \(Product.version)",
        groupedSubcommands: [
            CommandGroup(
                name: "This machine and its office:",
                subcommands: [
                    Status.self, Office.self, Peers.self, Share.self, Events.self, Doctor.self,
                ]),
            CommandGroup(
                name: "Files:",
                subcommands: [
                    List.self, Find.self, Cat.self, Get.self, Put.self, Sync.self, MakeDirectory.self, Move.self,
                    Remove.self, Pin.self, Unpin.self, Pins.self, Transfers.self,
                ]),
            CommandGroup(
                name: "From person to person:", subcommands: [Send.self, Sent.self, Resend.self, Inbox.self]),
            CommandGroup(
                name: "The file server:",
                subcommands: [
                    Promote.self, Demote.self, SpaceCommand.self, Versions.self, Restore.self, Lock.self,
                    Unlock.self, Locks.self, UserCommand.self,
                ]),
            CommandGroup(
                name: "Printers:", subcommands: [Printers.self, Printer.self, Print.self, Jobs.self, Job.self]),
            CommandGroup(name: "Shells:", subcommands: [Completions.self]),
        ])
}

/// `officeshare office …`: who is in.
struct Office: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "office", abstract: "Found an office, join one, and see to who is in it.",
        subcommands: [
            OfficeCreate.self, OfficeInvite.self, OfficeJoin.self, OfficeMembers.self, OfficeRename.self,
            OfficeAdmin.self, OfficeRemove.self, OfficeLeave.self, OfficeRecover.self, OfficeLog.self,
        ])
}

/// `officeshare office admin …`: who may change the office's log.
struct OfficeAdmin: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "admin", abstract: "Say who may invite, remove and rename.",
        subcommands: [OfficeAdminAdd.self, OfficeAdminRemove.self])
}

/// `officeshare share …`: what this machine offers.
struct Share: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "share", abstract: "Offer folders of this machine to the office.",
        subcommands: [ShareAdd.self, ShareSet.self, ShareRemove.self, ShareList.self])
}
