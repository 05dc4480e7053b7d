// What one knob is: Linux's name for it, the values it takes, and where its value lives. The table
// of all knobs is SettingTable; reading a value from text is SettingAssignment's work. `--set`,
// `--conf`, `sysctl`, the control socket and docs/control.md all come from these.

import UserTCPRuntime

/// The values of all knobs: those the stack obeys, and those it only keeps.
struct SettingValues: Sendable {
  var stack: StackSettings
  /// Knobs that are not in effect yet, and parts of others that nothing here needs, by name.
  var kept: [String: [Int]] = [:]

  init(_ stack: StackSettings = StackSettings()) { self.stack = stack }
}

/// One knob.
struct Setting: Sendable {
  enum Group: String, Sendable {
    case ipv4 = "net.ipv4"
    case core = "net.core"
  }

  /// What the numbers of a value count.
  enum Unit: String, Sendable {
    case seconds, milliseconds, microseconds, octets
    case pages = "pages of 4096 octets"
    case packets = "packets a second"
    case tries = "tries"
    case entries = "entries"
    case hops = "hops"
    case percent = "per cent"
    case ports = "ports"
    case segments = "segments"
    case bits = "(bits)"
    /// One of a few, each with a meaning of its own.
    case choice = "(a choice)"
    /// 0 is off, 1 is on.
    case onOff = ""
  }

  /// How a value is written. Inside it is always numbers.
  enum Form: Sendable {
    /// As many numbers as there are ranges, none smaller than the one before.
    case numbers([ClosedRange<Int>])
    /// `8080,9000-9010`: first and last port of each range.
    case ports
    /// `xxxxxxxx-xxxxxxxx-xxxxxxxx-xxxxxxxx`, once or twice: numbers of 32 bits.
    case keys
    /// One name of these: its index.
    case name([String])
    /// All of these names; nobody may write it.
    case readOnlyNames([String])
  }

  let group: Group
  let name: String
  let unit: Unit
  let form: Form
  let meaning: String
  /// `false`: it exists, keeps what is written, and changes nothing yet.
  var isInEffect = true
  /// What an operator should know before writing anything but the default.
  var danger: String?
  let read: @Sendable (SettingValues) -> [Int]
  let write: @Sendable (inout SettingValues, [Int]) -> Void

  var fullName: String { "\(group.rawValue).\(name)" }

  var isReadOnly: Bool { if case .readOnlyNames = form { true } else { false } }

  /// The value as Linux's files have it.
  func text(_ values: SettingValues) -> String {
    let numbers = read(values)
    switch form {
    case .numbers: return numbers.map(String.init).joined(separator: "\t")
    case .ports: return PortRanges(pairs: numbers).description
    case .keys: return FastOpenKeyText(words: numbers).description
    case .name(let names): return names[numbers[0]]
    case .readOnlyNames(let names): return names.joined(separator: " ")
    }
  }
}

// MARK: - Kinds of knobs

extension Setting {
  typealias Field<Value> = WritableKeyPath<StackSettings, Value> & Sendable

  static func flag(_ name: String, _ field: Field<Bool>, _ meaning: String) -> Setting {
    Setting(
      group: .ipv4, name: name, unit: .onOff, form: .numbers([0...1]), meaning: meaning,
      read: { [$0.stack[keyPath: field] ? 1 : 0] },
      write: { $0.stack[keyPath: field] = $1[0] == 1 })
  }

  /// On from the level `on` upwards, as Linux writes some of its switches.
  static func level(
    _ name: String, _ field: Field<Bool>, on level: Int, of largest: Int, _ meaning: String
  ) -> Setting {
    Setting(
      group: .ipv4, name: name, unit: .choice, form: .numbers([0...largest]),
      meaning: "\(meaning): from \(level) on",
      read: {
        let isOn = $0.stack[keyPath: field]
        // What was written, unless something else has set the switch since.
        if let kept = $0.kept[name], (kept[0] >= level) == isOn { return kept }
        return [isOn ? level : 0]
      },
      write: {
        $0.kept[name] = $1
        $0.stack[keyPath: field] = $1[0] >= level
      })
  }

  static func choice<Choice: RawRepresentable & CaseIterable & Sendable>(
    _ name: String, _ field: Field<Choice>, _ meaning: String
  ) -> Setting where Choice.RawValue == UInt8 {
    Setting(
      group: .ipv4, name: name, unit: .choice,
      form: .numbers([0...Choice.allCases.count - 1]), meaning: meaning,
      read: { [Int($0.stack[keyPath: field].rawValue)] },
      write: { values, numbers in
        guard let choice = Choice(rawValue: UInt8(numbers[0])) else { return }
        values.stack[keyPath: field] = choice
      })
  }

  static func number<Number: FixedWidthInteger & Sendable>(
    _ name: String, _ unit: Unit, _ range: ClosedRange<Int>, _ field: Field<Number>,
    group: Group = .ipv4, _ meaning: String
  ) -> Setting {
    Setting(
      group: group, name: name, unit: unit, form: .numbers([range]), meaning: meaning,
      read: { [Int($0.stack[keyPath: field])] },
      write: { $0.stack[keyPath: field] = Number(clamping: $1[0]) })
  }

  static func interval(
    _ name: String, _ unit: Unit, _ range: ClosedRange<Int>, _ field: Field<Interval>,
    _ meaning: String
  ) -> Setting {
    let nanoseconds: Int64 =
      unit == .seconds ? 1_000_000_000 : unit == .milliseconds ? 1_000_000 : 1_000
    return Setting(
      group: .ipv4, name: name, unit: unit, form: .numbers([range]), meaning: meaning,
      read: { [Int($0.stack[keyPath: field].nanoseconds / nanoseconds)] },
      write: { $0.stack[keyPath: field] = .nanoseconds(Int64($1[0]) * nanoseconds) })
  }

  /// Three numbers of which `fields` have a `share`-th each, one of `unit` being so many octets.
  static func marks(
    _ name: String, _ unit: Unit, _ range: ClosedRange<Int>, _ fields: [Field<Int>],
    times unitSize: Int = 1, share: Int = 1, _ meaning: String
  ) -> Setting {
    Setting(
      group: .ipv4, name: name, unit: unit,
      form: .numbers([ClosedRange<Int>](repeating: range, count: fields.count)), meaning: meaning,
      read: { values in
        let own = fields.map { values.stack[keyPath: $0] }
        // What was written, unless something else has set them since.
        if let kept = values.kept[name], kept.map({ $0 * unitSize / share }) == own { return kept }
        return own.map { $0 * share / unitSize }
      },
      write: { values, numbers in
        values.kept[name] = numbers
        for (field, number) in zip(fields, numbers) {
          values.stack[keyPath: field] = number * unitSize / share
        }
      })
  }

  /// A knob of something the stack does not do yet.
  static func later(
    _ name: String, _ unit: Unit, _ range: ClosedRange<Int>, _ standard: Int, _ meaning: String
  ) -> Setting {
    later(name, unit, .numbers([range]), [standard], meaning)
  }

  static func later(
    _ name: String, _ unit: Unit, _ form: Form, _ standard: [Int], _ meaning: String
  ) -> Setting {
    Setting(
      group: .ipv4, name: name, unit: unit, form: form, meaning: meaning, isInEffect: false,
      read: { $0.kept[name] ?? standard }, write: { $0.kept[name] = $1 })
  }

  func dangerous(_ danger: String) -> Setting {
    var setting = self
    setting.danger = danger
    return setting
  }
}
