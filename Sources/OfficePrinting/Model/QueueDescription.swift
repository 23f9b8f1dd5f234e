package import OfficeCore

/// A queue of the owner's CUPS: how it is and what it can do. It is what members are told, so it holds only what
/// `Sanitizer` let through: known attributes, bounded in number and length, without control characters.
package struct QueueDescription: Codable, Sendable, Hashable {
    package enum State: String, Codable, Sendable { case idle, processing, stopped }

    package struct Resolution: Codable, Sendable, Hashable {
        /// Dots per inch, across and along the feed.
        package var x: Int32
        package var y: Int32
        package init(x: Int32, y: Int32) {
            self.x = x
            self.y = y
        }
    }

    /// The name CUPS knows it by.
    package var name: Label
    package var info: String?
    package var model: String?
    package var location: String?
    package var state: State
    package var accepting: Bool
    /// `printer-state-reasons` without `none`: `media-jam`, `paused`.
    package var reasons: [String]
    package var stateMessage: String?
    /// Jobs that wait in CUPS or are printed.
    package var jobs: Int
    package var color: Bool
    /// MIME types that its filters take.
    package var formats: [String]
    /// PWG self-describing names, for instance `iso_a4_210x297mm`.
    package var media: [String]
    package var mediaDefault: String?
    /// What is loaded now.
    package var mediaReady: [String]
    package var mediaSources: [String]
    package var mediaTypes: [String]
    /// `one-sided`, `two-sided-long-edge`, `two-sided-short-edge`.
    package var sides: [String]
    package var sidesDefault: String?
    /// `print-color-mode-supported`.
    package var colorModes: [String]
    /// `print-quality-supported`: 3 draft, 4 normal, 5 high.
    package var qualities: [Int32]
    package var resolutions: [Resolution]
    package var outputBins: [String]
    /// `finishings-supported`; 3 is none.
    package var finishings: [Int32]
    /// Most copies of one job.
    package var mostCopies: Int32
    package var pagesPerMinute: Int32?
    /// `printer-uuid`, `urn:uuid:…`.
    package var uuid: String?
    /// Banners that its CUPS can put around a job; nil where its node doesn't tell.
    package var jobSheets: [String]?

    package init(
        name: Label, info: String? = nil, model: String? = nil, location: String? = nil, state: State = .idle,
        accepting: Bool = true, reasons: [String] = [], stateMessage: String? = nil, jobs: Int = 0, color: Bool = false,
        formats: [String] = [], media: [String] = [], mediaDefault: String? = nil, mediaReady: [String] = [],
        mediaSources: [String] = [], mediaTypes: [String] = [], sides: [String] = ["one-sided"],
        sidesDefault: String? = nil, colorModes: [String] = [], qualities: [Int32] = [], resolutions: [Resolution] = [],
        outputBins: [String] = [], finishings: [Int32] = [], mostCopies: Int32 = 9_999, pagesPerMinute: Int32? = nil,
        uuid: String? = nil, jobSheets: [String]? = nil
    ) {
        self.name = name
        self.info = info
        self.model = model
        self.location = location
        self.state = state
        self.accepting = accepting
        self.reasons = reasons
        self.stateMessage = stateMessage
        self.jobs = jobs
        self.color = color
        self.formats = formats
        self.media = media
        self.mediaDefault = mediaDefault
        self.mediaReady = mediaReady
        self.mediaSources = mediaSources
        self.mediaTypes = mediaTypes
        self.sides = sides
        self.sidesDefault = sidesDefault
        self.colorModes = colorModes
        self.qualities = qualities
        self.resolutions = resolutions
        self.outputBins = outputBins
        self.finishings = finishings
        self.mostCopies = mostCopies
        self.pagesPerMinute = pagesPerMinute
        self.uuid = uuid
        self.jobSheets = jobSheets
    }

    package var duplex: Bool { sides.contains { $0.hasPrefix("two-sided") } }
}
