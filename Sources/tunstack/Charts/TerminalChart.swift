// Draws a line of values with block characters: on one row, or as a chart of several rows with its
// axes. Pure; the width is the terminal's or 80 columns.

import Glibc

enum TerminalChart {
  private static let blocks = Array(" ▁▂▃▄▅▆▇█")

  /// One row of `width` characters. What is not 0 is seen, however small beside the largest.
  static func row(_ values: [Int?], width: Int, largest: Int) -> String {
    let heights = scaled(values, width: width, largest: largest, height: 8)
    return String(heights.map { $0.map { blocks[$0] } ?? "·" })
  }

  /// `height` rows and an axis below, with the largest value and the seconds written on them: one to a
  /// value, unless `seconds` says how long they all took.
  static func rows(
    _ values: [Int?], width: Int, height: Int, seconds: String? = nil
  ) -> [String] {
    let largest = max(1, values.compactMap(\.self).max() ?? 1)
    let margin = max(5, "\(largest)".count) + 1
    let plot = max(10, width - margin - 2)
    let heights = scaled(values, width: plot, largest: largest, height: height * 8)
    var lines: [String] = []
    for row in (0..<height).reversed() {
      let name = row == height - 1 ? "\(largest)" : row == 0 ? "0" : ""
      let cells = heights.map { value -> Character in
        blocks[min(8, max(0, (value ?? 0) - row * 8))]
      }
      lines.append("\(padded(name, margin)) │\(String(cells))")
    }
    lines.append("\(padded("", margin)) └\(String(repeating: "─", count: plot))")
    let last = "\(seconds ?? "\(max(0, values.count - 1))") s"
    let blanks = String(repeating: " ", count: max(1, plot - last.count - 3))
    lines.append("\(padded("", margin))  0 s\(blanks)\(last)")
    return lines
  }

  /// A height from 0 to `height` for each column, at least 1 for what is not 0.
  private static func scaled(
    _ values: [Int?], width: Int, largest: Int, height: Int
  ) -> [Int?] {
    guard !values.isEmpty, width > 0 else { return [] }
    return (0..<width).map { column in
      let value = values[min(values.count - 1, column * values.count / width)]
      return value.map { $0 == 0 ? 0 : max(1, min(height, $0 * height / max(1, largest))) }
    }
  }

  /// Columns of the terminal that standard output is; 80 when it is none.
  static var terminalWidth: Int {
    var size = winsize()
    guard unsafe ioctl(STDOUT_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col >= 40 else {
      return 80
    }
    return min(Int(size.ws_col), 160)
  }
}

/// `text` with blanks before it to `width` characters: a column of numbers.
func padded(_ text: some CustomStringConvertible, _ width: Int) -> String {
  let text = text.description
  return String(repeating: " ", count: max(0, width - text.count)) + text
}

/// `text` with blanks after it to `width` characters: a column of words.
func filled(_ text: some CustomStringConvertible, _ width: Int) -> String {
  let text = text.description
  return text + String(repeating: " ", count: max(0, width - text.count))
}
