// `tunstack sysctl`: reads and writes the knobs of a running stack in the words of procps' sysctl,
// exit codes included: 1 when anything failed, whatever else was done. Values act at once.

import ArgumentParser
import Foundation

struct SysctlCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "sysctl",
    abstract: "Read and write the settings of a running stack as sysctl does.",
    discussion: """
      NAME is net.ipv4.tcp_fin_timeout, net/ipv4/tcp_fin_timeout or tcp_fin_timeout; docs/control.md \
      lists them. With -p the arguments are files (default: /etc/sysctl.conf).
      """)

  @Flag(name: [.customShort("a"), .customShort("A"), .long], help: "Print all settings.")
  var all = false

  @Flag(name: .shortAndLong, help: "All arguments are NAME=VALUE.")
  var write = false

  @Flag(name: [.customShort("p"), .customShort("f"), .long], help: "Write the settings of files.")
  var load = false

  @Flag(name: [.customShort("n"), .long], help: "Print values without names.")
  var values = false

  @Flag(name: [.customShort("N"), .long], help: "Print names without values.")
  var names = false

  @Flag(name: [.customShort("e"), .long], help: "Pass over names that are not known.")
  var ignore = false

  @Flag(name: .shortAndLong, help: "Do not print what was written.")
  var quiet = false

  @Option(
    name: [.customShort("r"), .long], help: "With -a: only names that this expression matches.")
  var pattern: String?

  @Argument(help: "NAME, NAME=VALUE, or with -p files.")
  var arguments: [String] = []

  @OptionGroup var control: ControlOptions

  func run() throws {
    guard all || load || !arguments.isEmpty else {
      throw Failure.usage("name a setting, or use -a to see all; see 'tunstack sysctl --help'")
    }
    let client = try control.client()
    var failed = false
    if all { try list(client) }
    if load {
      for file in arguments.isEmpty ? ["/etc/sysctl.conf"] : arguments {
        if try !run(file: file, client) { failed = true }
      }
    } else {
      for (index, argument) in arguments.enumerated() {
        if try !run(argument, at: index, client) { failed = true }
      }
    }
    if failed { throw ExitCode(1) }
  }

  // MARK: Reading

  private func list(_ client: ControlClient) throws {
    let expression = try pattern.map { text in
      do { return try Regex(text) } catch {
        throw Failure.usage("--pattern: '\(text)' is no regular expression; see regex(7)")
      }
    }
    let settings = try client.get(SettingsMessage.self, "/settings").settings
    for setting in settings.sorted(by: { $0.name < $1.name }) {
      if let expression, !setting.name.contains(expression) { continue }
      try show(setting.name, setting.value)
    }
  }

  private func show(_ name: String, _ value: String) throws(Failure) {
    try Report.print(names ? "\(name)\n" : values ? "\(value)\n" : "\(name) = \(value)\n")
  }

  // MARK: Arguments and files

  private func run(_ argument: String, at index: Int, _ client: ControlClient) throws -> Bool {
    if let equals = argument.firstIndex(of: "=") {
      let entry = SysctlScript.Entry(
        name: argument[..<equals].trimmed,
        value: argument[argument.index(after: equals)...].trimmed,
        isExcused: false)
      return try set(entry, client)
    }
    guard !write else {
      Self.tell("command line(\(index)): invalid syntax, continuing...")
      return false
    }
    guard let setting = Setting.named(argument) else { return unknown(argument) }
    let message = try client.get(SettingMessage.self, "/settings/\(setting.fullName)")
    try show(setting.fullName, message.value)
    return true
  }

  private func run(file: String, _ client: ControlClient) throws -> Bool {
    let script: SysctlScript
    do throws(Failure) {
      script = SysctlScript(try TextFile.read(file))
    } catch {
      Self.tell("cannot open \"\(file)\": \(unsafe String(cString: strerror(errno)))")
      return false
    }
    for line in script.invalidLines { Self.tell("\(file)(\(line)): invalid syntax, continuing...") }
    var succeeded = true
    for entry in script.entries {
      if try !set(entry, client) { succeeded = false }
    }
    return succeeded
  }

  private func set(_ entry: SysctlScript.Entry, _ client: ControlClient) throws -> Bool {
    guard let setting = Setting.named(entry.name) else {
      return entry.isExcused || unknown(entry.name)
    }
    switch try client.put(setting.fullName, entry.value) {
    case .success(let message):
      for warning in message.warnings ?? [] { Self.tell(warning) }
      if !quiet { try show(setting.fullName, entry.value) }
      return true
    case .failure(let refused):
      if entry.isExcused { return true }
      Self.tell("setting key \"\(setting.fullName)\": Invalid argument (\(refused.reason))")
      return false
    case nil: return entry.isExcused || unknown(entry.name)
    }
  }

  private func unknown(_ name: String) -> Bool {
    if ignore { return true }
    let path = name.replacing(".", with: "/")
    Self.tell("cannot stat /proc/sys/\(path): No such file or directory")
    return false
  }

  private static func tell(_ text: String) { StandardError.write(line: "sysctl: \(text)") }
}
