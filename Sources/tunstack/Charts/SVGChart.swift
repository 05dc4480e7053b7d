// Writes panels as one SVG picture: a grid of small charts over the same time, and with the same height
// where the eye shall compare them. Text and lines are in tones that can be read on light and on dark ground. Pure.

struct SVGChart {
  var title: String
  var subtitle: String
  var panels: [Panel]
  var columns = 2
  /// Whether all panels end at the same height.
  var sharesHeight = true

  private static let panelWidth = 380
  private static let panelHeight = 190
  private static let head = 74
  /// Of the plot within its panel.
  private static let (left, right, top, bottom) = (52, 14, 26, 30)

  private var rows: Int { (panels.count + columns - 1) / columns }
  private var width: Int { columns * Self.panelWidth + 20 }
  private var height: Int { Self.head + rows * Self.panelHeight + 10 }
  private var seconds: Int { panels.map(\.seconds).max() ?? 1 }

  private func largest(of panel: Panel) -> Int {
    roundAbove(max(1, sharesHeight ? panels.map(\.largest).max() ?? 1 : panel.largest))
  }

  var text: String {
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 \(width) \(height)\" "
        + "role=\"img\" aria-label=\"\(Self.escaped(title))\">",
      Self.style,
      label(title, x: 16, y: 26, "title"), label(subtitle, x: 16, y: 44, "small"),
    ]
    lines += legend()
    for (index, panel) in panels.enumerated() {
      let x = 10 + index % columns * Self.panelWidth
      let y = Self.head + index / columns * Self.panelHeight
      lines.append("<g transform=\"translate(\(x) \(y))\">")
      lines += axes(of: panel)
      for series in panel.series where series.style == .behind { lines += line(series, panel) }
      for series in panel.series where series.style == .front { lines += line(series, panel) }
      lines.append("</g>")
    }
    lines.append("</svg>")
    return lines.joined(separator: "\n") + "\n"
  }

  private static let style = """
    <style>
      text { font: 12px ui-sans-serif, system-ui, sans-serif; fill: #57606a; }
      .title { font-size: 17px; font-weight: 600; } .small { font-size: 11px; }
      .name { font-weight: 600; } .end { text-anchor: end; } .middle { text-anchor: middle; }
      .axis { stroke: #8b949e; fill: none; } .grid { stroke: #8b949e; opacity: .25; }
      .front { stroke: #d1495b; stroke-width: 1.8; fill: none; }
      .behind { stroke: #3d8bd4; stroke-width: 6; opacity: .45; fill: none; }
      @media (prefers-color-scheme: dark) { text { fill: #c9d1d9; } }
    </style>
    """

  /// Of the panels that have more than one line.
  private func legend() -> [String] {
    var (lines, x) = ([String](), 16)
    var seen: [String] = []
    let named = panels.filter { $0.series.count > 1 }
    for series in named.flatMap(\.series) where !seen.contains(series.name) {
      seen.append(series.name)
      lines.append("<path class=\"\(series.style)\" d=\"M\(x) 58h24\"/>")
      lines.append(label(series.name, x: x + 30, y: 62, "small"))
      x += 50 + 7 * series.name.count
    }
    return lines
  }

  private func axes(of panel: Panel) -> [String] {
    var lines = [label(panel.title, x: Self.left, y: 16, "name")]
    let largest = self.largest(of: panel)
    for step in 0...2 {
      let value = largest * step / 2
      let y = self.y(value, of: largest)
      lines.append("<path class=\"grid\" d=\"M\(Self.left) \(y)H\(x(Double(seconds)))\"/>")
      lines.append(label("\(value)", x: Self.left - 6, y: y + 4, "small end"))
    }
    let ground = y(0, of: largest)
    let step = roundAbove(max(1, seconds / 6))
    for second in stride(from: 0, through: seconds, by: step) {
      lines.append("<path class=\"axis\" d=\"M\(x(Double(second))) \(ground)v4\"/>")
      let unit = second == 0 ? " s" : ""
      lines.append(label("\(second)\(unit)", x: x(Double(second)), y: ground + 17, "small middle"))
    }
    lines.append(
      "<path class=\"axis\" d=\"M\(Self.left) \(Self.top)V\(ground)H\(x(Double(seconds)))\"/>")
    return lines
  }

  /// A gap in the values is a gap in the line.
  private func line(_ series: Series, _ panel: Panel) -> [String] {
    let largest = self.largest(of: panel)
    var path = ""
    var isDown = false
    for (index, value) in series.values.enumerated() {
      guard let value else {
        isDown = false
        continue
      }
      path += "\(isDown ? "L" : "M")\(x(Double(index) * panel.step)) \(y(value, of: largest))"
      isDown = true
    }
    return path.isEmpty ? [] : ["<path class=\"\(series.style)\" d=\"\(path)\"/>"]
  }

  private func x(_ second: Double) -> Int {
    let span = Double(Self.panelWidth - Self.left - Self.right)
    return Self.left + Int(span * second / Double(seconds))
  }
  private func y(_ value: Int, of largest: Int) -> Int {
    let span = Self.panelHeight - Self.top - Self.bottom
    return Self.top + span - span * value / largest
  }

  private func label(_ text: String, x: Int, y: Int, _ kind: String) -> String {
    "<text class=\"\(kind)\" x=\"\(x)\" y=\"\(y)\">\(Self.escaped(text))</text>"
  }

  static func escaped(_ text: String) -> String {
    var result = ""
    for character in text {
      switch character {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      default: result.append(character)
      }
    }
    return result
  }
}
