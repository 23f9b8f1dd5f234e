package import OfficeCore

/// How a job ended.
package struct CUPSEnding: Sendable, Hashable {
    package var state: CUPSJob.State
    package var pages: Int
}

/// A cupsd that keeps no history (`PreserveJobHistory No`) forgets a job in the moment of its end. Whoever subscribed to
/// the ends of jobs can still ask it: it keeps the last 100 events (`MaxEvents`).
extension CUPSScheduler {
    /// The subscription lives this long in CUPS, and is made anew at half time. One that lives on in a cupsd after
    /// officeshare has ended is in nobody's way until then.
    private static let lease = Duration.seconds(3_600)

    /// Has CUPS note how jobs end from now on.
    package func watchEndings() throws(OfficeError) {
        let now = ContinuousClock.now
        // A cupsd that was started again may have forgotten it.
        if let watch, watch.connection == connection.generation, watch.renewal > now { return }
        let answer = try ask(
            .createPrinterSubscriptions, .everything,
            groups: [
                IPPGroup(
                    .subscription,
                    [
                        IPPAttribute("notify-pull-method", .keyword("ippget")),
                        IPPAttribute("notify-events", .keyword("job-completed")),
                        IPPAttribute("notify-lease-duration", .integer(Int32(Self.lease / .seconds(1)))),
                    ])
            ])
        guard let number = answer.attribute("notify-subscription-id", in: .subscription)?.number else {
            throw OfficeError(.io, "CUPS", "it gave a subscription without a number")
        }
        watch = Watch(number: number, connection: connection.generation, renewal: now + Self.lease / 2)
    }

    /// How a job ended that CUPS doesn't know any more; nil where it ended unseen, or didn't.
    package func ending(of job: Int32) throws(OfficeError) -> CUPSEnding? {
        guard let watch else { return nil }
        let events: [IPPGroup]
        do throws(OfficeError) {
            events = try ask(
                .getNotifications, .everything, [IPPAttribute("notify-subscription-ids", .integer(watch.number))]
            ).groups.filter { $0.tag == .eventNotification }
        } catch {
            guard error.code == .notFound else { throw error }
            return nil
        }
        guard let event = events.last(where: { $0["notify-job-id"]?.number == job }),
            let state = event["job-state"]?.number.flatMap(CUPSJob.State.init(rawValue:)), state.isFinal
        else { return nil }
        return CUPSEnding(state: state, pages: Int(max(event["job-impressions-completed"]?.number ?? 0, 0)))
    }

    struct Watch {
        var number: Int32
        /// By which it was made.
        var connection: Int
        var renewal: ContinuousClock.Instant
    }
}
