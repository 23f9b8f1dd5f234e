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
    /// Of each component whether something in it depends on an open entry outside.
    private var isEntered: [Bool] = []

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

    /// The circles that depend on no open entry outside: of each its strikes, in the agreed order. The circle with
    /// the earliest strike comes first.
    mutating func circles() -> [[Int]] {
        for vertex in open.elements where order[vertex] < 0 { explore(from: vertex) }
        return components.indices.filter { !isEntered[$0] }
            .map { number in components[number].filter { stretch.items[$0].isStrike }.sorted() }
            .filter { !$0.isEmpty }
            .sorted { $0[0] < $1[0] }
    }

    // MARK: The graph

    /// What depends on an open entry, one after the other.
    private struct Successors {
        var listed: [Int] = []
        /// Among the subject's many entries, those that still have to be asked.
        var masked: Bits?
        private var word = 0
        private var position = 0

        mutating func next() -> Int? {
            if position < listed.count {
                position += 1
                return listed[position - 1]
            }
            while word < masked?.words.count ?? 0 {
                if let element = masked?.popFirst(inWord: word) { return element }
                word += 1
            }
            return nil
        }
    }

    private func successors(of index: Int) -> Successors {
        var successors = Successors()
        let item = stretch.items[index]
        guard let subject = item.subject else { return successors }
        if let many = stretch.masks.written[subject] {
            successors.masked = dependents(on: index, among: many)
        } else {
            successors.listed = stretch.written[subject].filter { open[$0] && depends($0, on: index) }
        }
        guard item.isAdmission || item.endsMembership else { return successors }
        if let many = stretch.masks.grants[subject] {
            var told = successors.masked ?? Bits(count: stretch.entries.count)
            told.formUnion(many) { many, word in many & open.word(word) & stretch.future.word(index, word) }
            successors.masked = told
        } else {
            successors.listed += stretch.grants[subject].filter { open[$0] && isToldBy($0, index) }
        }
        return successors
    }

    /// Of many entries of the node that `index` is about, those that depend on it: `depends`, sixty-four at once
    /// where nothing restores.
    private func dependents(on index: Int, among many: Bits) -> Bits {
        var dependents = Bits(count: stretch.entries.count)
        let item = stretch.items[index]
        if item.isStrike {
            dependents.formUnion(many) { many, word in
                many & open.word(word) & stretch.masks.cut(word, by: index, stretch)
            }
            guard let subject = item.subject,
                (stretch.admissions[subject] + stretch.grants[subject]).contains(where: {
                    sure[$0] && stretch.past[$0, index]
                })
            else { return dependents }
            for entry in dependents.elements where isRestored(index, at: entry) { dependents.remove(entry) }
        } else if item.isAdmission || item.isGrant {
            dependents.formUnion(many) { many, word in many & open.word(word) & stretch.future.word(index, word) }
            for entry in dependents.elements where alone[entry] && !restores(index, at: entry) {
                dependents.remove(entry)
            }
        }
        return dependents
    }

    /// Whether an entry depends on `index`, which is about the entry's author: a strike that would void it, or what
    /// gives its author the right to it.
    private func depends(_ entry: Int, on index: Int) -> Bool {
        let item = stretch.items[index]
        if item.isStrike { return stretch.cuts(index, entry) && !isRestored(index, at: entry) }
        guard item.isAdmission || item.isGrant, stretch.past[entry, index] else { return false }
        return !alone[entry] || restores(index, at: entry)
    }

    /// Whether a grant depends on `index`, which is about the node it names: whether that is a member.
    private func isToldBy(_ grant: Int, _ index: Int) -> Bool {
        (stretch.items[index].isAdmission || stretch.items[index].endsMembership) && stretch.past[grant, index]
    }

    /// Whether entries that surely stand give the struck node back, between the strike and the entry, all that
    /// the entry needs.
    private func isRestored(_ strike: Int, at entry: Int) -> Bool {
        guard let subject = stretch.items[strike].subject else { return false }
        func given(by givers: [Int]) -> Bool {
            givers.contains { sure[$0] && stretch.past[entry, $0] && stretch.past[$0, strike] }
        }
        if stretch.items[strike].endsMembership && !given(by: stretch.admissions[subject]) { return false }
        return stretch.items[entry].isOwnAct || given(by: stretch.grants[subject])
    }

    /// Whether a giver gives an entry's author back what an open strike takes.
    private func restores(_ giver: Int, at entry: Int) -> Bool {
        stretch.strikes[stretch.items[entry].author].contains {
            open[$0] && stretch.past[giver, $0] && stretch.cuts($0, entry)
        }
    }

    // MARK: Components

    private mutating func explore(from root: Int) {
        var path: [(vertex: Int, successors: Successors)] = []
        enter(root, &path)
        while let vertex = path.last?.vertex {
            if let next = path[path.count - 1].successors.next() {
                if order[next] < 0 {
                    enter(next, &path)
                } else if component[next] < 0 {
                    low[vertex] = min(low[vertex], order[next])
                } else {
                    isEntered[component[next]] = true
                }
                continue
            }
            let isRootOfComponent = low[vertex] == order[vertex]
            if isRootOfComponent { close(vertex) }
            path.removeLast()
            guard let parent = path.last?.vertex else { continue }
            if isRootOfComponent {
                isEntered[component[vertex]] = true
            } else {
                low[parent] = min(low[parent], low[vertex])
            }
        }
    }

    private mutating func enter(_ vertex: Int, _ path: inout [(vertex: Int, successors: Successors)]) {
        order[vertex] = counter
        low[vertex] = counter
        counter += 1
        stack.append(vertex)
        path.append((vertex, successors(of: vertex)))
    }

    private mutating func close(_ vertex: Int) {
        var members: [Int] = []
        while let member = stack.popLast() {
            component[member] = components.count
            members.append(member)
            if member == vertex { break }
        }
        components.append(members)
        isEntered.append(false)
    }
}
