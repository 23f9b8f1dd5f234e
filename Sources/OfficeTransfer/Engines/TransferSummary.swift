package import OfficeCore

/// What a transfer has done, in the words of the command line's contract.
package struct TransferSummary: Sendable, Equatable {
    /// What one source has delivered.
    package struct Source: Sendable, Equatable, Codable {
        package var node: String
        /// Bytes of content that came from it (or went to it).
        package var bytes: Int64
        /// Verified blocks.
        package var blocks: Int
        /// Blocks that were not what they should be.
        package var rejected: Int
    }

    /// One thing that could not be done.
    package struct Failure: Sendable, Equatable, Encodable {
        /// As people name it: `NODE/SHARE/PATH`, or a local path.
        package var path: String
        package var error: OfficeError

        package init(path: String, error: OfficeError) {
            self.path = path
            self.error = error
        }

        private enum CodingKeys: String, CodingKey { case path, pathBytes, code, why, mend }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            let exact = ExactName(shown: path)
            try container.encode(exact.text, forKey: .path)
            try container.encodeIfPresent(exact.base64, forKey: .pathBytes)
            try container.encode(error.code, forKey: .code)
            try container.encode(error.why, forKey: .why)
            try container.encode(error.mend, forKey: .mend)
        }
    }

    /// A file that somebody else had changed meanwhile: what was sent is beside it.
    package struct Conflict: Sendable, Equatable, Encodable {
        package var path: String
        /// Where what was sent is.
        package var copy: String

        private enum CodingKeys: String, CodingKey { case path, pathBytes, copy, copyBytes }

        package func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            let (path, copy) = (ExactName(shown: path), ExactName(shown: copy))
            try container.encode(path.text, forKey: .path)
            try container.encodeIfPresent(path.base64, forKey: .pathBytes)
            try container.encode(copy.text, forKey: .copy)
            try container.encodeIfPresent(copy.base64, forKey: .copyBytes)
        }
    }

    /// Files and links that are now there, and are what they are at the source: moved, or found to be the same.
    package var files = 0
    /// Bytes of content that moved now.
    package var bytes: Int64 = 0
    /// Bytes of content that had not to move, for they were there.
    package var resumedBytes: Int64 = 0
    /// Blocks that were asked for again, because they were lost or wrong.
    package var resentBlocks = 0
    package var sources: [Source] = []
    package var seconds: Double = 0
    package var failed: [Failure] = []
    package var conflicts: [Conflict] = []
    /// Deliveries that are to do what couldn't be done now: `--queue`.
    package var queued: [String] = []
    /// How it ended: nil where all was done, `.partial` where some was, else the one code of all that failed.
    package var failure: OfficeError.Code?

    package init() {}
}

extension TransferSummary: Encodable {
    private enum CodingKeys: String, CodingKey {
        case files, bytes, resumedBytes, resentBlocks, sources, seconds, failed, queued, conflicts
    }
}

/// How far a transfer is.
package struct TransferProgress: Sendable, Equatable {
    /// Files that are done, and how many there are as far as it is known.
    package var files = 0
    package var totalFiles = 0
    /// Bytes that are there and verified, moved now or found, and of how many.
    package var bytes: Int64 = 0
    package var totalBytes: Int64 = 0
    /// Bytes a second, over the last few seconds.
    package var rate: Double = 0
    /// Seconds left at that rate; nil while it can't be said.
    package var secondsLeft: Double?
    /// What moves now.
    package var path: String?
    package var isFinished = false

    package init() {}
}
