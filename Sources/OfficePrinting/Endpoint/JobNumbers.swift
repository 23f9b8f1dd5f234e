extension JobID {
    /// The number that the UUID's first 31 bits make: the same on every start.
    package var derivedNumber: Int32 {
        let digits = description.utf8.prefix(8)
        let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16) ?? 1
        return Int32(max(1, value & 0x7FFF_FFFF))
    }
}

extension PrintDesk {
    /// Derived from the UUID. A desk that keeps a table of jobs numbers them there instead: no two are equal then.
    package func number(of job: JobID) async -> Int32 { job.derivedNumber }

    package func job(number: Int32, of queue: DeskQueue) async -> JobID? {
        await jobs(of: queue).last { $0.id.derivedNumber == number }?.id
    }

    package func abandon(_ job: JobID) async {}
}
