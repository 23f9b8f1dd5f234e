import Testing

@testable import OfficeCommands

/// What `printer share --tune` makes of cupsd.conf.
@Suite("Tuning CUPS")
struct SchedulerTuningTests {
    private let debian =
        "LogLevel warn\nMaxLogSize 0\n# JobRetryLimit 0\n<Location />\n  Order allow,deny\n</Location>\n"

    @Test("adds its lines once, and takes out nothing but them")
    func reversible() {
        let tuned = SchedulerTuning.edited(debian, tuned: true)
        #expect(tuned.hasPrefix(debian) && SchedulerTuning.isTuned(tuned) && !SchedulerTuning.isTuned(debian))
        #expect(SchedulerTuning.edited(tuned, tuned: true) == tuned)
        #expect(SchedulerTuning.edited(tuned, tuned: false) == debian)
        #expect(SchedulerTuning.edited(debian, tuned: false) == debian)
        let later = tuned + "Browsing Off\n"
        #expect(SchedulerTuning.edited(later, tuned: false) == debian + "Browsing Off\n")
    }

    @Test("the last line of a name counts, whoever wrote it")
    func lastCounts() {
        let own = debian + "dirtycleaninterval 0\nMaxJobTime  0\nJobRetryLimit 0\n"
        #expect(SchedulerTuning.isTuned(own))
        #expect(!SchedulerTuning.isTuned(own + "MaxJobTime 60\n"))
    }
}
