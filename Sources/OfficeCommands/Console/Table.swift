/// Aligned columns for people: a header and rows, two spaces between columns, nothing behind the last.
struct Table {
    struct Column {
        let title: String
        let isRight: Bool

        init(_ title: String, right: Bool = false) {
            self.title = title
            isRight = right
        }
    }

    private let columns: [Column]
    private var rows: [[String]] = []

    init(_ columns: [Column]) { self.columns = columns }

    init(_ titles: String...) { columns = titles.map { Column($0) } }

    /// Cells are safe to print already: whoever has names escapes them.
    mutating func add(_ cells: String...) { rows.append(cells) }

    /// Lines without newlines. On a terminal the last column is cut where the line would be too long, and the
    /// header is set off.
    func lines(for terminal: Terminal) -> [String] {
        let widths = columns.indices.map { index in
            rows.reduce(displayWidth(columns[index].title)) { max($0, displayWidth($1[index])) }
        }
        func line(_ cells: [String]) -> String {
            var line = ""
            for (index, cell) in cells.enumerated() {
                let isLast = index == columns.count - 1
                if isLast && !columns[index].isRight {
                    let room = terminal.width.map { max(8, $0 - displayWidth(line)) }
                    line += room.map { truncated(cell, to: $0) } ?? cell
                } else {
                    line += padded(cell, to: widths[index], right: columns[index].isRight) + (isLast ? "" : "  ")
                }
            }
            while line.last == " " { line.removeLast() }
            return line
        }
        return [terminal.styled(line(columns.map(\.title)), .dim)] + rows.map(line)
    }
}
