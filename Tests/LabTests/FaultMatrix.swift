import Foundation
import Testing

/// How files move.
enum Way: String, CaseIterable { case get, put, pin, send }

/// What moves.
enum Cargo: String, CaseIterable {
    /// One file; `LAB_MATRIX_MEGABYTES` enlarges it.
    case large
    case small

    /// What a wire that loses packets carries in the time that CI has.
    static let lossyBytes = 6 << 20
    static let largeBytes =
        (ProcessInfo.processInfo.environment["LAB_MATRIX_MEGABYTES"].flatMap { Int($0) } ?? 48) << 20
    static let smallFiles = 2_000
    static let smallBytes = 1 << 10
    /// A delivery is one file, with an offer, a record and a receipt of its own.
    static let smallDeliveries = 50
}

/// What goes wrong meanwhile.
enum Mishap: String, CaseIterable {
    case loss5, loss20
    /// Each connection is reset when it has carried 5 MB.
    case resets
    /// Each connection stands still for 3 s.
    case stalls
    /// One source's disk reads one wrong bit in every 50 blocks, or the wire spoils them.
    case corruption
    case sourceKilled
    /// One of three sources.
    case sourceGone
    case receiverKilled
    case diskFull

    var isLoss: Bool { self == .loss5 || self == .loss20 }
}

/// One row of the fault matrix.
struct FaultRow: Sendable, CustomTestStringConvertible {
    let way: Way, cargo: Cargo, mishap: Mishap

    var testDescription: String { "\(way) \(cargo) \(mishap)" }

    /// The share, and the folder of alice's and of bob's, that moves.
    var share: String {
        if mishap == .sourceGone { return "kept-\(cargo)" }
        return cargo == .large && mishap.isLoss ? "lossy" : cargo.rawValue
    }

    var bytes: Int {
        switch cargo {
        case .large: mishap.isLoss ? Cargo.lossyBytes : Cargo.largeBytes
        case .small: Cargo.smallBytes * (way == .send ? Cargo.smallDeliveries : Cargo.smallFiles)
        }
    }

    /// Bytes of a block.
    var block: Int { cargo == .large ? 128 << 10 : Cargo.smallBytes }

    /// Whether its bytes are spoilt on the wire, which TLS tells, and not by a source's disk: nobody knows what the blocks
    /// of a file should be that was not hashed a while ago, as none that is put or sent, and no small one.
    var isSpoiltOnTheWire: Bool { way == .put || way == .send || cargo == .small }

    /// Why this can't be; nil where it can.
    private var omission: String? {
        switch (way, mishap) {
        case (.put, .sourceGone), (.send, .sourceGone): "what is put or sent has its sender as its one source"
        case (.pin, .sourceGone): "a pin is brought up to date by its owner alone, whose word it is"
        case (.send, .diskFull):
            "the inbox's disk is its daemon's, as SendTests.aFullDiskHoldsItUpAndLosesNothing has it"
        default: nil
        }
    }

    /// All rows that can be; of these, those whose descriptions have what `LAB_MATRIX_ROWS` says in them.
    static let all: [FaultRow] = Mishap.allCases.flatMap { mishap in
        Way.allCases.flatMap { way in
            Cargo.allCases.map { FaultRow(way: way, cargo: $0, mishap: mishap) }
        }
    }.filter { $0.omission == nil && $0.isChosen }

    private var isChosen: Bool {
        guard let choice = ProcessInfo.processInfo.environment["LAB_MATRIX_ROWS"] else { return true }
        return choice.split(separator: ",").contains { testDescription.contains($0) }
    }
}
