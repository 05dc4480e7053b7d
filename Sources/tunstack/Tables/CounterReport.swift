// What `nstat` prints (NST-11), and the history file by which it knows what is new since it was
// last run: the same text, of every counter. Pure.

import Foundation

struct CounterReport {
  /// Whose counters: another run of the stack starts again at zero.
  var origin: String
  var values: [String: Int64]

  init(_ counters: CountersMessage, processID: Int32) {
    origin = "#kernel \(processID)"
    values = Dictionary(
      uniqueKeysWithValues: LinuxCounter.all.filter { !$0.isState }.map {
        ($0.joinedName, counters.value($0))
      })
  }

  /// A history file; `nil` when the text is none.
  init?(history: String) {
    var lines = history.split(separator: "\n")[...]
    guard let first = lines.popFirst(), first.hasPrefix("#kernel") else { return nil }
    origin = String(first)
    values = [:]
    for line in lines {
      let words = line.split(separator: " ")
      guard words.count >= 2, let value = Int64(words[1]) else { return nil }
      values[String(words[0])] = value
    }
  }

  var historyText: String {
    "\(origin)\n"
      + LinuxCounter.all.compactMap { counter in
        values[counter.joinedName].map { Self.row(counter.joinedName, $0) }
      }.joined()
  }

  /// Rows that differ from the history, or with zeros all; `patterns` as a shell has them.
  func text(since history: CounterReport?, zeros: Bool, patterns: [String]) -> String {
    let past = history?.origin == origin ? history?.values ?? [:] : [:]
    let rows = LinuxCounter.all.compactMap { counter -> String? in
      let name = counter.joinedName
      guard let value = values[name],
        patterns.isEmpty || patterns.contains(where: { Self.matches(name, $0) })
      else { return nil }
      let new = value - (past[name] ?? 0)
      // Only types of messages that there were have a counter in Linux.
      let isNamed = counter.section != .icmpMessages || value != 0
      return new != 0 || zeros && isNamed ? Self.row(name, new) : nil
    }
    return "#kernel\n" + rows.joined()
  }

  private static func row(_ name: String, _ value: Int64) -> String {
    "\(name.left(32))\(String(value).left(16))\("0.0".right(6))\n"
  }

  private static func matches(_ name: String, _ pattern: String) -> Bool {
    unsafe fnmatch(pattern, name, ignoringCase) == 0
  }

  /// FNM_CASEFOLD, which Swift does not see behind _GNU_SOURCE.
  private static let ignoringCase: Int32 = 1 << 4
}
