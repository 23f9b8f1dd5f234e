import ArgumentParser
import OfficeControl
import OfficeCore
import OfficeTransfer
import Synchronization

struct Cat: OfficeCommand {
    static let configuration = CommandConfiguration(
        commandName: "cat", abstract: "Print files of the office on standard output.",
        discussion: "Only verified blocks are printed. A file that changes meanwhile ends it with an error.")

    @Argument(help: "NODE/SHARE/PATH, one or more.")
    var paths: [ByteString]

    @OptionGroup var options: GlobalOptions

    func run(in session: Session) async throws {
        let places = try paths.map { try RemotePlace(try $0.officePath()) }
        let (client, console) = (session.client, session.console)
        let first = places.first.map { "\($0)" } ?? ""
        await session.noticeCopies(of: places)
        let ended = try await ControlledTransfer.run(.cat, first, TransferOptions(), in: session) { options in
            let reader = ContentReader(transport: client, options: options)
            var errors: [OfficeError] = []
            for place in places where !Task.isCancelled {
                let output = Mutex<OfficeError?>(nil)
                do {
                    try await reader.read(place) { piece in
                        do {
                            try await console.write(piece)
                        } catch let error as OfficeError {
                            output.withLock { $0 = error }
                            throw error
                        }
                    }
                } catch  where output.withLock({ $0 }) != nil {
                    // That nothing more can be written is no fault of the file's.
                    throw output.withLock { $0 } ?? error
                } catch let error as OfficeError {
                    errors.append(error)
                }
            }
            return errors
        }
        if let cancellation = ended.cancellation { throw cancellation }
        if !ended.answer.isEmpty { throw Failures(verb: "cat", errors: ended.answer, of: places.count) }
    }
}
