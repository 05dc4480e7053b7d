// What labs and simulations draw: lines over time, some to a panel. The values' own type; `SVGChart` and
// `TerminalChart` draw it, `CSVTable` is for other programs.

/// A line: a value for each step of time, beginning with 0; `nil` where nothing was measured.
struct Series: Sendable, Equatable {
  enum Style: Sendable {
    /// Drawn thin and in front.
    case front
    /// Drawn wide and behind, so that one sees both where they agree.
    case behind
  }

  var name: String
  var style = Style.front
  var values: [Int?]
}

/// A small chart of its own.
struct Panel: Sendable, Equatable {
  var title: String
  var series: [Series]
  /// Seconds from one value to the next.
  var step = 1.0

  var largest: Int { series.flatMap(\.values).compactMap(\.self).max() ?? 0 }
  var seconds: Int {
    max(1, Int((Double((series.map(\.values.count).max() ?? 1) - 1) * step).rounded(.up)))
  }
}

/// The next larger number with one digit and zeros, an even one above 4: where an axis ends.
func roundAbove(_ value: Int) -> Int {
  var power = 1
  while true {
    for step in [1, 2, 3, 4, 6, 8] where step * power >= value { return step * power }
    power *= 10
  }
}
