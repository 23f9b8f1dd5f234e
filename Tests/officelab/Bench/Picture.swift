internal import Foundation

/// Curves over one axis, as an SVG file beside the page.
struct Picture: Sendable {
    struct Point: Sendable {
        var x: Double
        var y: Double
    }

    struct Curve: Sendable {
        var name: String
        var points: [Point]
    }

    /// The file's, without its ending.
    var name: String
    var title: String
    var x: String
    var y: String
    var curves: [Curve]

    private static let colors = ["#1b6ca8", "#c05a00", "#3d7a37", "#7a4b9a"]
    private static let (width, height) = (640.0, 360.0)
    private static let (left, right, top, bottom) = (64.0, 24.0, 44.0, 52.0)

    var svg: String {
        let points = curves.flatMap(\.points)
        let mostX = points.map(\.x).max() ?? 1
        let mostY = Self.round(points.map(\.y).max() ?? 1)
        func place(_ point: Point) -> (x: Double, y: Double) {
            (
                Self.left + point.x / mostX * (Self.width - Self.left - Self.right),
                Self.height - Self.bottom - point.y / mostY * (Self.height - Self.top - Self.bottom)
            )
        }
        var lines: [String] = []
        for step in 0...4 {
            let value = mostY * Double(step) / 4
            let y = place(Point(x: 0, y: value)).y
            lines.append(
                "<line x1=\"\(Self.left)\" x2=\"\(Self.width - Self.right)\" y1=\"\(y)\" y2=\"\(y)\" stroke=\"#ddd\"/>")
            lines.append(Self.text(String(format: "%g", value), Self.left - 8, y + 4, anchor: "end"))
        }
        for value in Set(points.map(\.x)).sorted() {
            lines.append(
                Self.text(
                    String(format: "%g", value), place(Point(x: value, y: 0)).x, Self.height - Self.bottom + 18,
                    anchor: "middle"))
        }
        for (index, curve) in curves.enumerated() {
            let color = Self.colors[index % Self.colors.count]
            let places = curve.points.map(place)
            let path = places.map { String(format: "%.1f,%.1f", $0.x, $0.y) }.joined(separator: " ")
            lines.append("<polyline points=\"\(path)\" fill=\"none\" stroke=\"\(color)\" stroke-width=\"2\"/>")
            for place in places {
                lines.append(
                    String(format: "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"3\" fill=\"\(color)\"/>", place.x, place.y))
            }
            if let last = places.last {
                lines.append(Self.text(curve.name, last.x, last.y - 8, anchor: "end", color: color))
            }
        }
        lines.append(Self.text(title, Self.width / 2, 22, anchor: "middle"))
        lines.append(Self.text(x, Self.width / 2, Self.height - 12, anchor: "middle"))
        lines.append(Self.text(y, Self.left, Self.top - 10, anchor: "middle"))
        return """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 \(Self.width) \(Self.height)" \
            font-family="sans-serif" font-size="12">
            <rect width="100%" height="100%" fill="white"/>
            \(lines.joined(separator: "\n"))
            </svg>

            """
    }

    private static func text(
        _ text: String, _ x: Double, _ y: Double, anchor: String, color: String = "#333"
    ) -> String {
        String(format: "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"\(anchor)\" fill=\"\(color)\">\(text)</text>", x, y)
    }

    /// The next number that four steps divide well.
    private static func round(_ value: Double) -> Double {
        guard value > 0 else { return 1 }
        let power = pow(10, floor(log10(value)))
        return [1, 2, 4, 8, 10].map { $0 * power }.first { $0 >= value } ?? value
    }
}
