// `GET /metrics`: counters, states and settings in the Prometheus text format, version 0.0.4.
// Counters have the stack's section and Linux's name; what is not counted here is left out. Pure.

import UserTCPRuntime

enum PrometheusText {
  static func text(_ overview: StackOverview, _ values: SettingValues) -> String {
    counters(overview) + states(overview) + settings(values)
  }

  private static func counters(_ overview: StackOverview) -> String {
    LinuxCounter.all.filter { LinuxCounter.counted[$0.joinedName] != nil }.map { counter in
      metric(
        "tunstack_\(snakeCase(counter.section.rawValue))_\(snakeCase(counter.name))_total",
        "counter", "\(counter.joinedName) of Linux's SNMP counters",
        ["": counter.value(overview)])
    }.joined()
  }

  private static func states(_ overview: StackOverview) -> String {
    var samples: [String: Int64] = [:]
    for state in TCPState.allCases where state != .closed {
      samples["{state=\"\(state)\"}"] = Int64(overview.states[state])
    }
    var text = metric("tunstack_sockets", "gauge", "Sockets in each state", samples)
    text += metric(
      "tunstack_orphans", "gauge", "Connections that no program holds",
      ["": Int64(overview.orphanCount)])
    text += metric(
      "tunstack_buffered_bytes", "gauge", "Octets of buffers in use",
      ["": Int64(overview.bufferedBytes)])
    if let dropped = overview.droppedFrames {
      text += metric(
        "tunstack_device_dropped_total", "counter", "Packets the device dropped before the stack",
        ["": Int64(clamping: dropped)])
    }
    return text
  }

  private static func settings(_ values: SettingValues) -> String {
    var samples: [String: Int64] = [:]
    for setting in Setting.all where setting.isInEffect {
      let numbers = setting.read(values)
      guard case .numbers = setting.form else { continue }
      for (index, number) in numbers.enumerated() {
        let place = numbers.count == 1 ? "" : ",index=\"\(index)\""
        samples["{name=\"\(setting.fullName)\"\(place)}"] = Int64(number)
      }
    }
    return metric("tunstack_setting", "gauge", "Settings in effect", samples)
  }

  private static func metric(
    _ name: String, _ type: String, _ help: String, _ samples: [String: Int64]
  ) -> String {
    "# HELP \(name) \(help)\n# TYPE \(name) \(type)\n"
      + samples.sorted { $0.key < $1.key }.map { "\(name)\($0.key) \($0.value)\n" }.joined()
  }

  /// `TCPTimeWaitOverflow` becomes `tcp_time_wait_overflow`.
  static func snakeCase(_ name: String) -> String {
    var words = ""
    let letters = Array(name)
    for (index, letter) in letters.enumerated() {
      let startsWord =
        letter.isUppercase && index > 0
        && (letters[index - 1].isLowercase || letters[index - 1].isNumber
          || (index + 1 < letters.count && letters[index + 1].isLowercase))
      if startsWord { words += "_" }
      words += letter.lowercased()
    }
    return words
  }
}
