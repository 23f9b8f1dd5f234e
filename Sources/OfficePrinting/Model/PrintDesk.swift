package import NIOCore
package import OfficeCore
package import OfficeTrust

/// What the IPP endpoint hands jobs to: the spool of this node, and the office's queues as they are known here.
///
/// Two implementations: the daemon's, and the tests' with a folder in place of the office.
package protocol PrintDesk: Sendable {
    /// The office queue with that local name (`NODE_QUEUE`), from memory, whether its owner is there or not.
    func queue(named name: String) async -> DeskQueue?
    /// All of them.
    func queues() async -> [DeskQueue]

    /// Opens a job. It is not accepted before `finish`; one that is never finished is forgotten.
    /// With a job UUID that was submitted before, the job of that time is answered (`isKnown`).
    func begin(_ wish: DeskWish) async throws(OfficeError) -> DeskReceipt
    /// Takes the document, and answers once it is on the disk. Throws `.noSpace` where the spool is full.
    func receive(_ document: any AsyncSequence<ByteBuffer, any Error> & Sendable, format: String, for job: JobID)
        async throws(OfficeError)
    /// Accepts: from here on the job can't be lost.
    func finish(_ job: JobID) async throws(OfficeError)
    /// The job was begun and won't be finished: what was kept of it can go. By default nothing is done.
    func abandon(_ job: JobID) async

    /// Jobs of a queue, oldest first, finished ones included.
    func jobs(of queue: DeskQueue) async -> [JobReport]
    func job(_ id: JobID) async -> JobReport?
    /// The number (1 and up) by which IPP's clients know a job, from `begin` on and over every restart; no other job ever
    /// has it.
    func number(of job: JobID) async throws(OfficeError) -> Int32
    /// The job of a queue that has this number.
    func job(number: Int32, of queue: DeskQueue) async throws(OfficeError) -> JobID?
    /// Throws `.notAllowed` where the job isn't the caller's.
    func change(_ job: JobID, _ change: JobChange, by user: UserName) async throws(OfficeError)
}

package enum JobChange: String, Codable, Sendable { case cancel, hold, release, reprint }

/// A queue of another node, as programs of this machine see it.
package struct DeskQueue: Sendable, Hashable {
    /// `NODE_QUEUE`: its name in the local CUPS and in its URI.
    package var localName: String
    package var owner: NodeID
    package var ownerName: Label
    package var description: QueueDescription
    /// Whether the owner can be reached now.
    package var isOnline: Bool

    package init(
        localName: String, owner: NodeID, ownerName: Label, description: QueueDescription, isOnline: Bool
    ) {
        self.localName = localName
        self.owner = owner
        self.ownerName = ownerName
        self.description = description
        self.isOnline = isOnline
    }
}

/// What a program wants printed.
package struct DeskWish: Sendable {
    package var queue: DeskQueue
    /// Where the program named one: a repeated submission is known by it.
    package var id: JobID?
    package var user: UserName
    package var title: String
    package var attributes: [IPPAttribute]
    package var isHeld: Bool

    package init(
        queue: DeskQueue, id: JobID?, user: UserName, title: String, attributes: [IPPAttribute], isHeld: Bool
    ) {
        self.queue = queue
        self.id = id
        self.user = user
        self.title = title
        self.attributes = attributes
        self.isHeld = isHeld
    }
}

package struct DeskReceipt: Sendable, Hashable {
    package var id: JobID
    /// It was submitted before: nothing is to be sent, nothing printed twice.
    package var isKnown: Bool

    package init(id: JobID, isKnown: Bool) {
        self.id = id
        self.isKnown = isKnown
    }
}

extension PrintDesk {
    package func abandon(_ job: JobID) async {}
}
