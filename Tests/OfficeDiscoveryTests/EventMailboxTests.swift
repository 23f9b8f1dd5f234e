import Testing

@testable import OfficeDiscovery

struct EventMailboxTests {
    private func sighting(_ number: Int, port: UInt16 = 1) -> Sighting {
        Sighting(
            key: Sighting.Key(interfaceIndex: 2, instance: Array("pc\(number)".utf8)), name: "pc\(number)",
            idPrefix: "0123456789abcdef", officePrefix: nil, role: .peer, port: port, addresses: ["198.51.100.1"],
            interfaceName: "eth0")
    }

    private func drain(_ mailbox: EventMailbox) -> [DiscoveryEvent] {
        var events: [DiscoveryEvent] = []
        while let event = mailbox.take() { events.append(event) }
        return events
    }

    @Test func onlyTheLatestWordOnAThingWaits() {
        let mailbox = EventMailbox()
        mailbox.put(.availability(false))
        mailbox.put(.found(sighting(1)))
        mailbox.put(.availability(true))
        mailbox.put(.found(sighting(1, port: 2)))
        #expect(drain(mailbox) == [.availability(true), .found(sighting(1, port: 2))])
        mailbox.put(.found(sighting(1, port: 3)))
        mailbox.put(.lost(sighting(1).key))
        #expect(drain(mailbox) == [.lost(sighting(1).key)])
        mailbox.put(.found(sighting(1)))
        #expect(drain(mailbox) == [.found(sighting(1))])
    }

    @Test func whatCameAndWentUnseenIsNotToldAtAll() {
        let mailbox = EventMailbox()
        mailbox.put(.found(sighting(1)))
        mailbox.put(.lost(sighting(1).key))
        mailbox.put(.lost(sighting(2).key))
        #expect(drain(mailbox).isEmpty)
    }

    @Test func aConsumerThatSleepsCostsNoMemory() {
        let mailbox = EventMailbox()
        for round in 0..<10_000 {
            mailbox.put(.found(sighting(round)))
            mailbox.put(.lost(sighting(round).key))
            mailbox.put(.availability(round.isMultiple(of: 2)))
        }
        #expect(mailbox.waitingCount <= 65)
        #expect(drain(mailbox) == [.availability(false)])
    }

    @Test func theSequenceEndsAfterWhatWaits() async {
        let mailbox = EventMailbox()
        let events = DiscoveryEvents(mailbox: mailbox)
        mailbox.put(.renamed("pc1 #2"))
        mailbox.put(.duplicate(sighting(1)))
        mailbox.finish()
        var seen: [DiscoveryEvent] = []
        for await event in events { seen.append(event) }
        #expect(seen == [.renamed("pc1 #2"), .duplicate(sighting(1))])
    }
}
