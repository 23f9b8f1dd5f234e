extension Stretch {
    /// Of the circles among undecided entries that depend on no other undecided entry the one with the earliest
    /// strike in the agreed order: its strikes, in that order. nil where there is none.
    ///
    /// Entry `y` depends on `x` where x is a strike that would void y, or gives y's author (or, for a grant, the
    /// node it names) what y needs. Entries that depend on each other are a strongly connected component.
    func earliestCircle(among open: [Int], sure: Bits) -> [Int]? {
        if open.isEmpty { return nil }
        var alone = Bits(count: entries.count)
        for index in open where stands(index, under: sure, with: sure) { alone.insert(index) }
        var components = ComponentFinder(vertices: open, count: entries.count) { index, open in
            dependents(of: index, among: open, sure: sure, alone: alone)
        }
        components.run()
        return components.sources
            .map { component in component.filter { items[$0].isStrike }.sorted() }
            .filter { !$0.isEmpty }
            .min { $0[0] < $1[0] }
    }

    /// `alone`: the undecided entries that surely standing ones give all they need, strikes aside.
    private func dependents(of index: Int, among open: Bits, sure: Bits, alone: Bits) -> [Int] {
        guard let subject = items[index].subject else { return [] }
        var out: [Int] = []
        if items[index].isStrike {
            out += written[subject].filter { open[$0] && cuts(index, $0) && !isRestored(index, at: $0, by: sure) }
            if items[index].endsMembership { out += grants[subject].filter { open[$0] && past[$0][index] } }
        }
        if items[index].isAdmission || items[index].isGrant {
            out += written[subject].filter {
                open[$0] && past[$0][index] && (!alone[$0] || restores(index, at: $0, among: open))
            }
            if items[index].isAdmission { out += grants[subject].filter { open[$0] && past[$0][index] } }
        }
        return out
    }

    /// Whether entries that surely stand give the struck node back, between the strike and the entry, all that
    /// the entry needs.
    private func isRestored(_ strike: Int, at index: Int, by sure: Bits) -> Bool {
        guard let subject = items[strike].subject else { return false }
        func given(by givers: [Int]) -> Bool {
            givers.contains { sure[$0] && past[index][$0] && past[$0][strike] }
        }
        if items[strike].endsMembership && !given(by: admissions[subject]) { return false }
        return items[index].isOwnAct || given(by: grants[subject])
    }

    /// Whether a giver gives an entry's author back what an undecided strike takes.
    private func restores(_ giver: Int, at index: Int, among open: Bits) -> Bool {
        strikes[items[index].author].contains { open[$0] && cuts($0, index) && past[giver][$0] }
    }
}

/// Tarjan's strongly connected components, without recursion: a chain of entries can be as long as the log.
private struct ComponentFinder {
    let vertices: [Int]
    let successors: (Int, Bits) -> [Int]
    private let open: Bits
    private var order: [Int]
    private var low: [Int]
    private var component: [Int]
    private var stack: [Int] = []
    private var counter = 0
    private var components: [[Int]] = []
    /// Components that an edge from another one leads to.
    private var entered: Set<Int> = []

    init(vertices: [Int], count: Int, successors: @escaping (Int, Bits) -> [Int]) {
        self.vertices = vertices
        self.successors = successors
        var open = Bits(count: count)
        for vertex in vertices { open.insert(vertex) }
        self.open = open
        order = [Int](repeating: -1, count: count)
        low = order
        component = order
    }

    /// Components that nothing outside leads to.
    var sources: [[Int]] { components.indices.filter { !entered.contains($0) }.map { components[$0] } }

    mutating func run() {
        for vertex in vertices where order[vertex] < 0 { explore(from: vertex) }
        for vertex in vertices {
            for next in successors(vertex, open) where component[next] != component[vertex] {
                entered.insert(component[next])
            }
        }
    }

    private mutating func explore(from root: Int) {
        var path: [(vertex: Int, rest: [Int])] = []
        enter(root, &path)
        while let vertex = path.last?.vertex {
            if let next = path[path.count - 1].rest.popLast() {
                if order[next] < 0 {
                    enter(next, &path)
                } else if component[next] < 0 {
                    low[vertex] = min(low[vertex], order[next])
                }
                continue
            }
            if low[vertex] == order[vertex] { close(vertex) }
            path.removeLast()
            if let parent = path.last?.vertex { low[parent] = min(low[parent], low[vertex]) }
        }
    }

    private mutating func enter(_ vertex: Int, _ path: inout [(vertex: Int, rest: [Int])]) {
        order[vertex] = counter
        low[vertex] = counter
        counter += 1
        stack.append(vertex)
        path.append((vertex, successors(vertex, open)))
    }

    private mutating func close(_ vertex: Int) {
        var members: [Int] = []
        while let member = stack.popLast() {
            component[member] = components.count
            members.append(member)
            if member == vertex { break }
        }
        components.append(members)
    }
}
