// Numbers with a unit on the command line. A mistake says what would fit.

import UserTCPRuntime

enum OptionText {
  static func number(
    _ option: String, _ text: String, _ range: ClosedRange<Double>, _ unit: String
  ) throws(Failure) -> Double {
    guard let number = Double(text), range.contains(number) else {
      throw .usage(
        "\(option): '\(text)' does not fit; take \(range.lowerBound.shortText) to "
          + "\(range.upperBound.shortText) \(unit)")
    }
    return number
  }

  static func percent(_ option: String, _ text: String) throws(Failure) -> Double {
    let bare = text.hasSuffix("%") ? String(text.dropLast()) : text
    return try number(option, bare, 0...100, "percent") / 100
  }

  static func milliseconds(
    _ option: String, _ text: String, from least: Double = 0
  ) throws(Failure) -> Interval {
    .nanoseconds(Int64(try number(option, text, least...10_000, "ms") * 1e6))
  }
}
