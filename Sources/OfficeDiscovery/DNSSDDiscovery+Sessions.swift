import Logging
import OfficeCore

/// What discovery has on one LAN interface.
struct Session {
    var interface: NetworkInterface
    let browse: ReferenceID
    var registration: Registration?
    /// How often in a row the name was taken by another program of this machine.
    var conflicts = 0

    struct Registration {
        let reference: ReferenceID
        /// What was asked for.
        let name: Label
        let port: UInt16
        var record: TextRecord
        /// Which of its two forms the record has: see `TextRecord.encoded`.
        var isTurned: Bool
        /// What it is announced as, once it is.
        var chosenName: String?
    }
}

extension DNSSDDiscovery {
    // MARK: Interfaces

    /// Follows the machine's interfaces: sessions on new ones, none on those that went.
    func update(_ interfaces: [NetworkInterface]) {
        self.interfaces = interfaces
        rememberOwnAddresses()
        let usable = Dictionary(usableInterfaces.map { ($0.index, $0) }) { first, _ in first }
        for (index, session) in sessions where usable[index]?.name != session.interface.name { end(session) }
        for (index, interface) in usable {
            guard let before = sessions[index]?.interface, before != interface else { continue }
            sessions[index]?.interface = interface
            // The record says the same in other bytes: who watches us looks our addresses up again.
            sessions[index]?.registration?.isTurned.toggle()
            rewriteRecord(on: index)
            // Another network, perhaps.
            for key in table.keys(on: index) { table.enqueue(key) }
        }
        connect()
        startLookups()
    }

    private var usableInterfaces: ArraySlice<NetworkInterface> {
        interfaces.filter(\.isUsable).prefix(settings.limits.interfaces)
    }

    private func rememberOwnAddresses() {
        let now = clock.now
        ownAddresses = ownAddresses.filter { now - $0.value < settings.ownAddressMemory }
        for address in interfaces.flatMap(\.addresses) { ownAddresses[address] = now }
    }

    private func end(_ session: Session) {
        let index = session.interface.index
        logger.info("Discovery leaves an interface", metadata: [LogKey.interface: "\(session.interface.name)"])
        sessions[index] = nil
        close(session.browse)
        close(session.registration?.reference)
        for key in table.keys(on: index) { forget(key) }
    }

    // MARK: avahi-daemon

    /// Makes what is missing. Where avahi-daemon doesn't answer, that is all: the next tick tries again.
    func connect() {
        guard isRunning else { return }
        do {
            for interface in usableInterfaces where sessions[interface.index] == nil {
                let index = interface.index
                let browse = try open(.browse(interface: index)) { wakeup throws(OfficeError) in
                    try Reference.browse(interface: index, wakeup)
                }
                sessions[index] = Session(interface: interface, browse: browse)
                logger.info("Discovery uses an interface", metadata: [LogKey.interface: "\(interface.name)"])
            }
            try keepAnchor(sessions.isEmpty)
            becameAvailable()
            announce()
        } catch {
            if error.code == .unavailable { daemonLost() } else { refused(error) }
        }
    }

    private func keepAnchor(_ isNeeded: Bool) throws(OfficeError) {
        if !isNeeded {
            close(anchor)
            anchor = nil
        } else if anchor == nil {
            // The loopback interface has this index in every network namespace (LOOPBACK_IFINDEX).
            anchor = try open(.anchor) { wakeup throws(OfficeError) in try Reference.browse(interface: 1, wakeup) }
        }
    }

    private func becameAvailable() {
        guard isAvailable != true else { return }
        isAvailable = true
        logger.info("avahi-daemon is there")
        mailbox.put(.availability(true))
        graceEnd = clock.now + settings.returnGrace
        scheduleTick()
    }

    func daemonLost() {
        letGo()
        graceEnd = nil
        scheduleTick()
        guard isAvailable != false else { return }
        isAvailable = false
        logger.warning("avahi-daemon is not there: no discovery until it is")
        mailbox.put(.availability(false))
    }

    /// Ends every operation at once, and keeps what was found: handles of a daemon that is gone never come back to
    /// life.
    private func letGo() {
        closeAll()
        sessions = [:]
        anchor = nil
        for key in Array(lookups.keys) { lookups[key]?.forgetHandles() }
        table.suspend()
    }

    /// Announcements were ignored for lack of place, and now there is place: Avahi tells all of them again to who
    /// asks anew, and only then.
    private func hearTheIgnored() {
        guard table.canHearTheIgnored else { return }
        logger.info("Discovery starts over: there is place again for what was ignored")
        letGo()
        table.hasIgnored = false
        graceEnd = clock.now + settings.returnGrace
        connect()
    }

    /// A request that may be granted next time. Whether avahi-daemon is there, browsing alone decides: it refuses
    /// this and that with the same error as when it is gone.
    func refused(_ error: OfficeError) {
        if refusal != error {
            refusal = error
            logger.log(
                level: error.code == .unavailable ? .debug : .warning, "Discovery was refused a request",
                metadata: [LogKey.error: "\(error)"])
        }
        mustRetry = true
        scheduleTick()
    }

    // MARK: The tick

    /// While something is missing or waits for its time, once in the retry interval. Else nothing runs.
    func scheduleTick() {
        guard !isTicking, isRunning else { return }
        isTicking = true
        after(settings.retryInterval) { $0.tick() }
    }

    private func tick() {
        isTicking = false
        guard isRunning else { return }
        mustRetry = false
        connect()
        if isAvailable == true {
            if let graceEnd, clock.now >= graceEnd {
                self.graceEnd = nil
                for key in table.unconfirmed { forget(key) }
            }
            hearTheIgnored()
            table.enqueueDue(now: clock.now)
            startLookups()
        }
        let isWaiting = mustRetry || graceEnd != nil || table.hasIgnored || table.hasDue
        if isAvailable != true || isWaiting { scheduleTick() }
    }

    // MARK: Our own announcement

    /// Makes each session announce what is to be announced.
    func announce() {
        guard isRunning, isAvailable == true else { return }
        for index in Array(sessions.keys) {
            guard let advertisement else {
                close(sessions[index]?.registration?.reference)
                sessions[index]?.registration = nil
                continue
            }
            announce(advertisement, on: index)
        }
    }

    private func announce(_ advertisement: Advertisement, on index: UInt32) {
        if let registration = sessions[index]?.registration {
            if registration.name == advertisement.name && registration.port == advertisement.port {
                guard registration.record != advertisement.record else { return }
                sessions[index]?.registration?.record = advertisement.record
                return rewriteRecord(on: index)
            }
            close(registration.reference)
            sessions[index]?.registration = nil
            sessions[index]?.conflicts = 0
        }
        register(advertisement, on: index, isTurned: false)
    }

    private func register(_ advertisement: Advertisement, on index: UInt32, isTurned: Bool) {
        guard let conflicts = sessions[index]?.conflicts else { return }
        let name = conflicts < Self.patience ? advertisement.name : advertisement.name.numbered(conflicts)
        do {
            let reference = try open(.register(interface: index)) { wakeup throws(OfficeError) in
                try Reference.register(
                    name: name, port: advertisement.port, text: advertisement.record.encoded(turned: isTurned),
                    interface: index, wakeup)
            }
            sessions[index]?.registration = Session.Registration(
                reference: reference, name: advertisement.name, port: advertisement.port,
                record: advertisement.record, isTurned: isTurned)
        } catch {
            // Our own announcement of a moment ago, that Avahi hasn't put away yet? Then the name is free soon.
            if error.code == .exists { sessions[index]?.conflicts += 1 }
            refused(error)
        }
    }

    /// Conflicts on this machine before we take another name.
    private static let patience = 3

    /// Changes the announced record without withdrawing it: no gap in which nobody would find us.
    private func rewriteRecord(on index: UInt32) {
        guard let registration = sessions[index]?.registration, let advertisement else { return }
        let text = registration.record.encoded(turned: registration.isTurned)
        if reference(registration.reference)?.update(text: text) == true { return }
        close(registration.reference)
        sessions[index]?.registration = nil
        register(advertisement, on: index, isTurned: registration.isTurned)
    }

    func registered(on index: UInt32, as name: [UInt8]) {
        guard let registration = sessions[index]?.registration,
            let chosen = try? Label(bytes: name).description, registration.chosenName != chosen
        else { return }
        sessions[index]?.registration?.chosenName = chosen
        sessions[index]?.conflicts = 0
        logger.info(
            "Announced on an interface",
            metadata: [LogKey.nodeName: "\(chosen)", LogKey.interface: "\(sessions[index]?.interface.name ?? "")"])
        if chosen != registration.name.description { mailbox.put(.renamed(chosen)) }
    }

    func registrationFailed(on index: UInt32, _ error: OfficeError) {
        close(sessions[index]?.registration?.reference)
        sessions[index]?.registration = nil
        if error.code == .exists { sessions[index]?.conflicts += 1 }
        refused(error)
    }
}

extension Label {
    /// `NAME-2` and so on, cut to fit.
    fileprivate func numbered(_ number: Int) -> Label {
        let suffix = "-\(max(number - 1, 2))"
        var stem = description
        while stem.utf8.count + suffix.utf8.count > Label.maximumLength { stem.removeLast() }
        return (try? Label(stem + suffix)) ?? self
    }
}
