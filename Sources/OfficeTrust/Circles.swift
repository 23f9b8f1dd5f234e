/// Finds the circles among the entries that are still open: strikes that strike each other, and what lies between.
///
/// Entries that depend on each other are the strongly connected components of a graph. They are found by Tarjan's
/// algorithm, without recursion (a chain can be as long as the log) and without keeping edges (there can be as many as
/// the square of it).
struct CircleFinder {
    private let stretch: Stretch
    private let open: Bits
    private let sure: Bits
    /// The open entries that surely standing ones give all they need, open strikes aside.
    private var alone: Bits

    // Tarjan's numbers, -1 where there is none yet.
    private var order: [Int]
    private var low: [Int]
    private var component: [Int]
    private var stack: [Int] = []
    private var counter = 0
    private var components: [[Int]] = []

    init(_ stretch: Stretch, open: Bits, sure: Bits) {
        self.stretch = stretch
        self.open = open
        self.sure = sure
        order = [Int](repeating: -1, count: stretch.entries.count)
        low = order
        component = order
        alone = Bits(count: stretch.entries.count)
        for index in open.elements where stretch.stands(index, under: sure, with: sure) { alone.insert(index) }
    }

    /// Of the circles that depend on no open entry outside the one with the earliest strike in the agreed order: its
    /// strikes, in that order. nil where there is none.
    mutating func earliest() -> [Int]? {
        let vertices = open.elements
        for vertex in vertices where order[vertex] < 0 { explore(from: vertex) }
        var isEntered = [Bool](repeating: false, count: components.count)
        for vertex in vertices {
            var cursor = 0
            while let next = successor(of: vertex, &cursor) {
                if component[next] != component[vertex] { isEntered[component[next]] = true }
            }
        }
        return components.indices.filter { !isEntered[$0] }
            .map { number in components[number].filter { stretch.items[$0].isStrike }.sorted() }
            .filter { !$0.isEmpty }
            .min { $0[0] < $1[0] }
    }

    // MARK: The graph

    /// The next entry that depends on `index`, from a cursor that starts at 0.
    private func successor(of index: Int, _ cursor: inout Int) -> Int? {
        guard let subject = stretch.items[index].subject else { return nil }
        let written = stretch.written[subject]
        let grants = stretch.grants[subject]
        while cursor < written.count + grants.count {
            let candidate = cursor < written.count ? written[cursor] : grants[cursor - written.count]
            let isOwn = cursor < written.count
            cursor += 1
            guard open[candidate] else { continue }
            if isOwn ? depends(candidate, on: index) : isToldBy(candidate, index) { return candidate }
        }
        return nil
    }

    /// Whether an entry depends on `index`, which is about the entry's author: a strike that would void it, or what
    /// gives its author the right to it.
    private func depends(_ entry: Int, on index: Int) -> Bool {
        let item = stretch.items[index]
        if item.isStrike { return stretch.cuts(index, entry) && !isRestored(index, at: entry) }
        guard item.isAdmission || item.isGrant, stretch.past[entry][index] else { return false }
        return !alone[entry] || restores(index, at: entry)
    }

    /// Whether a grant depends on `index`, which is about the node it names: whether that is a member.
    private func isToldBy(_ grant: Int, _ index: Int) -> Bool {
        (stretch.items[index].isAdmission || stretch.items[index].endsMembership) && stretch.past[grant][index]
    }

    /// Whether entries that surely stand give the struck node back, between the strike and the entry, all that
    /// the entry needs.
    private func isRestored(_ strike: Int, at entry: Int) -> Bool {
        guard let subject = stretch.items[strike].subject else { return false }
        func given(by givers: [Int]) -> Bool {
            givers.contains { sure[$0] && stretch.past[entry][$0] && stretch.past[$0][strike] }
        }
        if stretch.items[strike].endsMembership && !given(by: stretch.admissions[subject]) { return false }
        return stretch.items[entry].isOwnAct || given(by: stretch.grants[subject])
    }

    /// Whether a giver gives an entry's author back what an open strike takes.
    private func restores(_ giver: Int, at entry: Int) -> Bool {
        stretch.strikes[stretch.items[entry].author].contains {
            open[$0] && stretch.past[giver][$0] && stretch.cuts($0, entry)
        }
    }

    // MARK: Components

    private mutating func explore(from root: Int) {
        var path: [(vertex: Int, cursor: Int)] = []
        enter(root, &path)
        while let vertex = path.last?.vertex {
            if let next = successor(of: vertex, &path[path.count - 1].cursor) {
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

    private mutating func enter(_ vertex: Int, _ path: inout [(vertex: Int, cursor: Int)]) {
        order[vertex] = counter
        low[vertex] = counter
        counter += 1
        stack.append(vertex)
        path.append((vertex, 0))
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
