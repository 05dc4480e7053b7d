// What the labs draw and write: pure functions of numbers.

import Testing

@testable import tunstack

@Suite struct LabChartTests {
  @Test(arguments: [(0, 1), (1, 1), (3, 3), (5, 6), (130, 200), (5204, 6000), (8001, 10_000)])
  func `an axis ends at the next round number`(_ value: Int, _ end: Int) {
    #expect(roundAbove(value) == end)
  }

  @Test func `a row is as wide as asked and shows the smallest value that is not 0`() {
    let row = TerminalChart.row([0, 1, 5000, 10_000], width: 4, largest: 10_000)
    #expect(row == " ▁▄█")
    #expect(TerminalChart.row([7, 7], width: 60, largest: 7).count == 60)
  }

  @Test func `a second that was not measured is a dot in a row`() {
    #expect(TerminalChart.row([8, nil, 8], width: 3, largest: 8) == "█·█")
  }

  @Test func `rows carry the largest value, zero and the seconds`() {
    let lines = TerminalChart.rows([5204, 5204, 0], width: 40, height: 4)
    #expect(lines.count == 6)
    #expect(lines[0].hasPrefix("  5204 │█"))
    #expect(lines[3].hasPrefix("     0 │"))
    #expect(lines[5].hasSuffix("2 s"))
    #expect(lines.allSatisfy { $0.count <= 40 })
  }

  @Test func `a chart of no values is empty and does not trap`() {
    #expect(TerminalChart.row([], width: 10, largest: 0) == "")
    #expect(TerminalChart.rows([], width: 40, height: 2).count == 4)
  }

  @Test func `fields with commas, quotes or line ends are quoted`() {
    let table = CSVTable(
      header: ["a", "b"], rows: [["1,5", "say \"x\""], ["two\nlines", "plain"]])
    #expect(table.text == "a,b\n\"1,5\",\"say \"\"x\"\"\"\n\"two\nlines\",plain\n")
  }

  @Test func `a picture has a line for each series and a gap where nothing was measured`() {
    let chart = SVGChart(
      title: "a < b", subtitle: "s",
      panels: [
        Panel(
          title: "p",
          series: [
            Series(name: "ours", values: [100, 100, nil, 0]),
            Series(name: "kernel", style: .behind, values: [100, 100, 100, 0]),
          ])
      ])
    let text = chart.text
    #expect(text.contains("viewBox=\"0 0"))
    #expect(text.contains("a &lt; b"), "text is escaped")
    #expect(text.contains("prefers-color-scheme: dark"))
    let lines = text.split(separator: "\n")
    // One in the legend, one in the panel; 100 is the top of the plot, three seconds its width.
    #expect(lines.filter { $0.contains("class=\"behind\"") }.count == 2)
    #expect(
      lines.contains {
        $0.contains("class=\"front\"") && $0.contains("d=\"M52 26L156 26M366 160\"")
      })
  }
}
