// Numbers for people: decimals without Foundation, times in the unit that is spoken of.

import UserTCPRuntime

extension Interval {
  var seconds: Double { Double(nanoseconds) / 1e9 }
  var milliseconds: Double { Double(nanoseconds) / 1e6 }
}

extension Double {
  /// With so many digits behind the point.
  func text(_ digits: Int) -> String {
    let power = (0..<digits).reduce(1) { value, _ in value * 10 }
    let scaled = Int((self * Double(power)).rounded())
    guard digits > 0 else { return "\(scaled)" }
    return "\(scaled / power)." + String("\(power + scaled % power)".dropFirst())
  }

  /// With up to three digits behind the point, and no zeros at the end.
  var shortText: String {
    var text = text(3)
    while text.hasSuffix("0") { text.removeLast() }
    if text.hasSuffix(".") { text.removeLast() }
    return text
  }
}
