// `name=value` on its way into the settings: finds the knob, checks the value against the table and says
// in one line what would have been right. Pure; used by `--set`, `--conf` and the control socket.

import UserTCPRuntime

/// A value for a knob, checked.
struct SettingAssignment: Sendable {
  let setting: Setting
  let numbers: [Int]

  /// Why a name or a value was refused, worded for the end of a line.
  struct Problem: Error, Equatable {
    var description: String
  }

  /// `name` as Linux or `sysctl` write it: with or without `net.ipv4.`, dots or slashes.
  init(name: String, value: String) throws(Problem) {
    guard let setting = Setting.named(name) else {
      let near = Self.nearestNames(to: name).joined(separator: ", ")
      throw Problem(description: "'\(name)' is not a setting; near to it are \(near)")
    }
    self.setting = setting
    guard let numbers = setting.numbers(value) else {
      let problem = setting.isReadOnly ? "cannot be set" : "is out of range"
      throw Problem(description: "'\(value)' \(problem); \(setting.rule)")
    }
    self.numbers = numbers
  }

  /// `text` is `name=value`.
  init(_ text: String) throws(Problem) {
    guard let equals = text.firstIndex(of: "=") else {
      throw Problem(description: "'\(text)' is not a setting; write it like tcp_fin_timeout=30")
    }
    try self.init(
      name: text[..<equals].trimmed, value: text[text.index(after: equals)...].trimmed)
  }

  func apply(to values: inout SettingValues) { setting.write(&values, numbers) }

  /// What whoever wrote it should hear, one line each.
  var warnings: [String] {
    var lines: [String] = []
    if !setting.isInEffect { lines.append("\(setting.name) is kept but not in effect yet") }
    let isDefault = numbers == setting.read(SettingValues())
    if let danger = setting.danger, !isDefault { lines.append("\(setting.name): \(danger)") }
    return lines
  }

  /// The three known names that differ from `name` in the fewest letters.
  private static func nearestNames(to name: String) -> [String] {
    let bare = name.split(whereSeparator: { $0 == "." || $0 == "/" }).last.map(String.init) ?? name
    let distances = Setting.all.map { ($0.name, editDistance(bare, $0.name)) }
    return distances.sorted { $0.1 == $1.1 ? $0.0 < $1.0 : $0.1 < $1.1 }.prefix(3).map(\.0)
  }
}

extension Setting {
  static func named(_ name: String) -> Setting? {
    let dotted = String(name.map { $0 == "/" ? "." : $0 })
    return all.first { dotted == $0.name || dotted == $0.fullName }
  }

  /// The value that `text` is, or `nil` when it is none of this knob's.
  func numbers(_ text: String) -> [Int]? {
    switch form {
    case .numbers(let ranges):
      let words = text.split(whereSeparator: \.isWhitespace)
      let numbers = words.compactMap { Int($0) }
      // The numbers of a value never fall: a range of ports, a first and a largest buffer.
      let fits =
        numbers.count == words.count && numbers.count == ranges.count
        && zip(numbers, ranges).allSatisfy { $1.contains($0) }
        && zip(numbers, numbers.dropFirst()).allSatisfy { $0 <= $1 }
      return fits ? numbers : nil
    case .ports: return PortRanges(text)?.pairs
    case .keys: return FastOpenKeyText(text)?.words
    case .name(let names): return names.firstIndex(of: text).map { [$0] }
    case .readOnlyNames: return nil
    }
  }

  /// "tcp_fin_timeout is 1 to 2147483 seconds"
  var rule: String { "\(name) is \(limits)" }

  /// "1 to 2147483 seconds"
  var limits: String {
    switch form {
    case .numbers where unit == .onOff: return "0 (off) or 1 (on)"
    case .numbers(let ranges):
      let range = "\(ranges[0].lowerBound) to \(ranges[0].upperBound) \(unit.rawValue)"
      return ranges.count == 1 ? range : "\(ranges.count) rising numbers of \(range)"
    case .ports: return "a list of ports like 8080,9000-9010, or nothing"
    case .keys:
      return "four groups of 8 hexadecimal digits with - between, and the same after a comma"
    case .name(let names): return names.joined(separator: " or ")
    case .readOnlyNames: return "only read"
    }
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
