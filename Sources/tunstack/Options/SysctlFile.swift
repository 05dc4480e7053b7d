// A file of settings in the syntax of sysctl.conf(5): `name = value`, comments with `#` or `;`, and a
// `-` before a name that may be unknown. Such files also set things of the kernel that no TCP
// has (`vm.swappiness`); those lines are passed over and listed, so that a server's own file
// can be tried here. Reads text, not files.

struct SysctlFile {
  var assignments: [SettingAssignment] = []
  /// Names that belong to other parts of a system, or that a `-` excused.
  var skipped: [String] = []

  /// `name` is the file's, for the messages.
  init(_ text: String, name: String) throws(Failure) {
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      do throws(SettingAssignment.Problem) {
        // Unlike sysctl.conf, a comment may follow on the same line: no value here contains `#`.
        try add(line.prefix { $0 != "#" }.trimmed)
      } catch {
        throw Failure(.configuration, "\(name):\(index + 1): \(error.description)")
      }
    }
  }

  private mutating func add(_ line: String) throws(SettingAssignment.Problem) {
    guard let first = line.first, first != ";" else { return }
    let isExcused = first == "-"
    let body = isExcused ? line.dropFirst().trimmed : line
    guard let equals = body.firstIndex(of: "=") else {
      throw .init(description: "'\(line)' is not a setting; write it like tcp_fin_timeout = 30")
    }
    let name = body[..<equals].trimmed
    do throws(SettingAssignment.Problem) {
      assignments.append(
        try SettingAssignment(name: name, value: body[body.index(after: equals)...].trimmed))
    } catch {
      guard isExcused || Self.isOfAnotherPart(name) else { throw error }
      skipped.append(name)
    }
  }

  /// `kernel.`, `vm.`, `net.ipv6.`, `net.ipv4.conf.all.` and so on: a prefix that is not one of ours.
  private static func isOfAnotherPart(_ name: String) -> Bool {
    let dotted = String(name.map { $0 == "/" ? "." : $0 })
    guard dotted.contains(".") else { return false }
    let ours = "net.ipv4."
    return dotted.hasPrefix(ours)
      ? dotted.dropFirst(ours.count).contains(".") : !dotted.hasPrefix("net.core.somaxconn")
  }
}
