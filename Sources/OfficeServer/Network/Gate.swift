/// Opens once everything it waits for has been reported.
actor Gate {
    private var missing: Set<String>
    private var waiting: [CheckedContinuation<Void, Never>] = []

    init(waitingFor missing: Set<String>) { self.missing = missing }

    func reached(_ name: String) {
        missing.remove(name)
        guard missing.isEmpty else { return }
        for continuation in waiting { continuation.resume() }
        waiting = []
    }

    var isOpen: Bool { missing.isEmpty }

    func wait() async {
        guard !missing.isEmpty else { return }
        await withCheckedContinuation { waiting.append($0) }
    }
}
