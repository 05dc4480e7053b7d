// A file for `sysctl -p`, line by line as sysctl.conf(5) has it. Unlike SysctlFile, which a stack
// is started with, nothing is checked here: sysctl does what it can of a file and tells the rest.
// Pure.

struct SysctlScript {
  struct Entry: Equatable {
    var name: String
    var value: String
    /// `-` before the name: a failure is no failure.
    var isExcused: Bool
  }

  private(set) var entries: [Entry] = []
  /// Numbers of lines that are no assignment.
  private(set) var invalidLines: [Int] = []

  init(_ text: String) {
    for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let line = raw.trimmed
      guard let first = line.first, first != "#", first != ";" else { continue }
      let isExcused = first == "-"
      let body = isExcused ? line.dropFirst().trimmed : line
      guard let equals = body.firstIndex(of: "="), equals != body.startIndex else {
        invalidLines.append(index + 1)
        continue
      }
      entries.append(
        Entry(
          name: body[..<equals].trimmed, value: body[body.index(after: equals)...].trimmed,
          isExcused: isExcused))
    }
  }
}
