import OfficeCore
import Testing

@Suite(.timeLimit(.minutes(1)))
struct DoorbellTests {
    @Test func aWaitWhoseTimeWasUpLeavesTheBellAsItIs() async {
        let bell = Doorbell()
        for _ in 0..<3 { #expect(await bell.wait(for: .milliseconds(1)) == false) }
        async let isRung = bell.wait(for: .seconds(50))
        bell.ring()
        #expect(await isRung)
    }

    @Test func whatIsRungWhileNobodyWaitsIsHeardOnce() async {
        let bell = Doorbell()
        bell.ring()
        bell.ring()
        #expect(await bell.wait())
        #expect(await bell.wait(for: .milliseconds(1)) == false)
    }

    @Test func whoIsCancelledWaitsNoLonger() async {
        let bell = Doorbell()
        let waiting = Task { await bell.wait() }
        waiting.cancel()
        #expect(await waiting.value == false)
        bell.ring()
        #expect(await bell.wait())
    }
}
