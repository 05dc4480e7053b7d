// `name=value` on its way into `StackSettings`: finds the setting, checks the value against the table
// and says in one line what would have been right. Pure; used by `--set` and by `--conf`.

import UserTCPRuntime

/// A value for a setting, checked.
struct SettingAssignment: Sendable {
  let setting: Setting
  let numbers: [Int]

  /// Why a name or a value was refused, worded for the end of a line.
  struct Problem: Error, Equatable {
    var description: String
  }

  /// `name` as Linux or `sysctl` write it: with or without `net.ipv4.`, dots or slashes.
  init(name: String, value: String) throws(Problem) {
    guard let setting = Self.setting(named: name) else {
      let near = Self.nearestNames(to: name).joined(separator: ", ")
      throw Problem(description: "'\(name)' is not a setting; near to it are \(near)")
    }
    self.setting = setting
    numbers = try Self.numbers(value, for: setting)
  }

  /// `text` is `name=value`.
  init(_ text: String) throws(Problem) {
    guard let equals = text.firstIndex(of: "=") else {
      throw Problem(description: "'\(text)' is not a setting; write it like tcp_fin_timeout=30")
    }
    try self.init(
      name: text[..<equals].trimmed, value: text[text.index(after: equals)...].trimmed)
  }

  func apply(to settings: inout StackSettings) { setting.write(&settings, numbers) }

  private static func setting(named name: String) -> Setting? {
    let dotted = String(name.map { $0 == "/" ? "." : $0 })
    return Setting.all.first { dotted == $0.name || dotted == $0.fullName }
  }

  private static func numbers(_ value: String, for setting: Setting) throws(Problem) -> [Int] {
    let words = value.split(whereSeparator: \.isWhitespace)
    let numbers = words.compactMap { Int($0) }
    // The numbers of a value never fall: a range of ports, a first and a largest buffer.
    guard numbers.count == words.count, numbers.count == setting.ranges.count,
      zip(numbers, setting.ranges).allSatisfy({ $1.contains($0) }),
      zip(numbers, numbers.dropFirst()).allSatisfy({ $0 <= $1 })
    else { throw Problem(description: "'\(value)' is out of range; \(setting.rule)") }
    return numbers
  }

  /// The three known names that differ from `name` in the fewest letters.
  private static func nearestNames(to name: String) -> [String] {
    let bare = name.split(whereSeparator: { $0 == "." || $0 == "/" }).last.map(String.init) ?? name
    let distances = Setting.all.map { ($0.name, editDistance(bare, $0.name)) }
    return distances.sorted { $0.1 == $1.1 ? $0.0 < $1.0 : $0.1 < $1.1 }.prefix(3).map(\.0)
  }
}

extension Setting {
  /// "tcp_fin_timeout is 1 to 2147483 seconds"
  var rule: String { "\(name) is \(limits)" }

  /// "1 to 2147483 seconds"
  var limits: String {
    if unit == .onOff { return "0 (off) or 1 (on)" }
    let range = "\(ranges[0].lowerBound) to \(ranges[0].upperBound) \(unit.rawValue)"
    return ranges.count == 1 ? range : "\(ranges.count) rising numbers of \(range)"
  }
}

/// Letters to insert, delete or replace to make one word of another (Levenshtein).
func editDistance(_ first: String, _ second: String) -> Int {
  let second = Array(second)
  var row = Array(0...second.count)
  for (line, letter) in first.enumerated() {
    var diagonal = row[0]
    row[0] = line + 1
    for column in second.indices {
      let replaced = diagonal + (letter == second[column] ? 0 : 1)
      diagonal = row[column + 1]
      row[column + 1] = min(replaced, row[column] + 1, diagonal + 1)
    }
  }
  return row[second.count]
}

extension StringProtocol {
  /// Without white space at its ends.
  var trimmed: String {
    let tail = drop(while: \.isWhitespace)
    guard let last = tail.lastIndex(where: { !$0.isWhitespace }) else { return "" }
    return String(tail[...last])
  }
}
