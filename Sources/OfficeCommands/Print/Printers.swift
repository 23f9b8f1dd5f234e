import ArgumentParser
import OfficeControl
import OfficeCore

struct Printers: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "printers", abstract: "Show all printers of the office.",
        discussion: "An asterisk marks your default, which 'officeshare printer default' chooses.")

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let printers: [PrinterModel] = try await session.client.get("/v1/printers")
        try await session.show(array: printers) {
            var table = Table("PRINTER", "STATE", "JOBS", "COLOR", "DUPLEX", "SHARED", "DESCRIPTION")
            for printer in printers {
                table.add(
                    (printer.path + (printer.isDefault ? " *" : "")).escapedForTerminal, printer.shownState,
                    String(printer.jobs), printer.color ? "yes" : "no", printer.duplex ? "yes" : "no",
                    printer.shared ? "yes" : "no", printer.shownDescription)
            }
            return table
        }
    }
}

extension PrinterModel {
    /// `stopped (media-jam)`, `idle, refusing jobs`.
    fileprivate var shownState: String {
        let why = reasons.isEmpty ? "" : " (\(reasons.joined(separator: ", ")))"
        return (state + why + (accepting || state == "offline" ? "" : ", refusing jobs")).escapedForTerminal
    }

    fileprivate var shownDescription: String {
        [info, model, location].compactMap { $0 }.filter { !$0.isEmpty }.joined(separator: ", ").escapedForTerminal
    }
}
