package import OfficeCore

/// The numbers by which IPP's clients know jobs: counted in `JobStore`, so that no two are equal, none is given again
/// and a job has the same over every restart.
package actor JobNumbers {
    private let store: JobStore
    /// What was asked for lately.
    private var numbers: [JobID: Int32] = [:]
    private static let mostRemembered = 8_192

    package init(store: JobStore) { self.store = store }

    /// The job's number, given now where it has none. On return it is on the disk.
    package func number(of id: JobID) async throws(OfficeError) -> Int32 {
        if let number = numbers[id] { return number }
        let number: Int32
        do throws(any Error) {
            number = try await store.number(of: id)
        } catch {
            throw OfficeError(
                .io, "the print spool", "a job can't be numbered (\(error))",
                mend: "Make room on the disk of the state directory.")
        }
        if numbers.count >= Self.mostRemembered { numbers = [:] }
        numbers[id] = number
        return number
    }

    package func job(_ number: Int32) async throws(OfficeError) -> JobID? {
        do throws(any Error) {
            return try await store.job(numbered: number)
        } catch {
            throw OfficeError(.io, "the print spool", "its records can't be read (\(error))")
        }
    }
}
