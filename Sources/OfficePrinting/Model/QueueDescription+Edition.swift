import OfficeCore

#if canImport(FoundationEssentials)
    import FoundationEssentials
#else
    import Foundation
#endif

extension QueueDescription {
    /// The same for descriptions of the same capabilities, whatever the state, and in every process: 16 hexadecimal
    /// digits. What a local queue was made from can be compared by it.
    package var edition: String {
        var lasting = self
        lasting.info = nil
        lasting.location = nil
        lasting.state = .idle
        lasting.accepting = true
        lasting.reasons = []
        lasting.stateMessage = nil
        lasting.jobs = 0
        // What is loaded now is asked for when a dialogue opens.
        lasting.mediaReady = []
        // The queue that CUPS makes has nothing of them: it offers the banners of its own cupsd.
        lasting.jobSheets = nil
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        // A value of numbers, text and lists can always be written; were it not, the queue would be made anew.
        let bytes = (try? encoder.encode(lasting)).map { Array($0) } ?? []
        return String(Digest256.of(bytes).hex.prefix(16))
    }
}
