import HTTPTypes
import OfficeControl

extension Session {
    /// Writes one change to the office's log.
    func change(_ change: OfficeChange, done: String) async throws {
        try await client.perform(.post, "/v1/office/changes", change)
        notice(done)
    }
}
