// The table of settings as a person reads it, for `tunstack serve --list-settings`.

import UserTCPRuntime

enum SettingList {
  /// A line per setting: how to write it with its default, what it may be, what it means.
  static func text(of settings: StackSettings) -> String {
    let rows = Setting.all.map { setting in
      let value = setting.read(settings).map(String.init).joined(separator: " ")
      return (
        assignment: "\(setting.fullName) = \(value)", meaning: setting.meaning, setting.limits
      )
    }
    let width = rows.map(\.assignment.count).max() ?? 0
    return rows.map { row in
      let blanks = String(repeating: " ", count: width - row.assignment.count)
      return "\(row.assignment)\(blanks)  # \(row.meaning) (\(row.2))\n"
    }.joined()
  }
}
