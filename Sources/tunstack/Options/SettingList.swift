// The table of knobs as a person reads it: `tunstack serve --list-settings`, and the table in
// docs/control.md, which a test compares with this.

enum SettingList {
  /// A line per knob: how to write it with its value, what it may be, what it means.
  static func text(of values: SettingValues) -> String {
    let rows = Setting.all.map { setting in
      let line = "\(setting.fullName) = \(setting.text(values).replacing("\t", with: " "))"
      return (setting, assignment: setting.isReadOnly ? "# \(line)" : line)
    }
    let width = rows.map(\.assignment.count).max() ?? 0
    return rows.map { setting, assignment in
      let blanks = String(repeating: " ", count: width - assignment.count)
      let state = setting.isInEffect ? "" : "; not in effect yet"
      return "\(assignment)\(blanks)  # \(setting.meaning) (\(setting.limits)\(state))\n"
    }.joined()
  }

  /// The same in Markdown, with defaults.
  static var markdown: String {
    let rows = Setting.all.map { setting in
      let standard = setting.text(SettingValues()).replacing("\t", with: " ")
      let danger = setting.danger.map { ". Danger: \($0)" } ?? ""
      return
        "| `\(setting.fullName)` | \(standard) | \(setting.limits) | \(setting.meaning)\(danger)"
        + " | \(setting.isInEffect ? "yes" : "not yet") |\n"
    }
    return "| Name | Default | Values | Meaning | In effect |\n|---|---|---|---|---|\n"
      + rows.joined()
  }
}
