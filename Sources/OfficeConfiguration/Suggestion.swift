extension ConfigurationKey {
    /// The key that somebody who wrote `name` most likely meant, or nil where none is near.
    ///
    /// Near is a third of the letters at most: one slip in `port`, three in `connectionsPerPeer`. A key's own name
    /// without its section counts as well, for who forgot the section.
    static func nearest(to name: String) -> ConfigurationKey? {
        nearest(to: name, in: all) { key in [key.name] + key.path.suffix(1) }
    }

    /// The same for a variable of the environment.
    static func nearest(toVariable name: String) -> ConfigurationKey? {
        nearest(to: name, in: all) { [$0.environmentName] }
    }

    private static func nearest(
        to name: String, in keys: [ConfigurationKey], spellings: (ConfigurationKey) -> [String]
    ) -> ConfigurationKey? {
        guard name.utf8.count <= 128 else { return nil }
        let candidates = keys.compactMap { key -> (key: ConfigurationKey, distance: Int)? in
            let near = spellings(key).compactMap { spelling -> Int? in
                let distance = editDistance(name.lowercased(), spelling.lowercased())
                // What stands before the last word is the same in many: only the key's own word may bear slips.
                return distance <= max(1, (key.path.last?.count ?? 0) / 3) ? distance : nil
            }
            return near.min().map { (key, $0) }
        }
        return candidates.min { $0.distance < $1.distance }?.key
    }
}

/// How many letters have to be put in, left out, replaced or swapped with their neighbour to make `b` of `a`
/// (the optimal string alignment distance).
func editDistance(_ a: String, _ b: String) -> Int {
    let (a, b) = (Array(a.utf8), Array(b.utf8))
    var beforeLast = [Int](repeating: 0, count: b.count + 1)
    var last = Array(0...b.count)
    for i in 1..<(a.count + 1) {
        var row = [i] + last.dropFirst()
        for j in 1..<(b.count + 1) {
            row[j] = min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
            if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { row[j] = min(row[j], beforeLast[j - 2] + 1) }
        }
        (beforeLast, last) = (last, row)
    }
    return last[b.count]
}
