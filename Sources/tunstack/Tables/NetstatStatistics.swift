// `netstat -s`: the counters in sections, as sentences (NST-12). Pure.

struct NetstatStatistics {
  /// `-t`: what concerns TCP.
  var onlyTCP = false

  func text(_ counters: CountersMessage) -> String {
    LinuxCounter.Section.allCases.filter(isShown).map { section in
      let lines = LinuxCounter.all.filter { $0.section == section }.flatMap {
        sentences(of: $0, counters.value($0))
      }
      // Without a line the kernel has no such section either.
      if section == .icmpMessages, lines.isEmpty { return "" }
      return "\(section.rawValue):\n" + lines.map { "\($0)\n" }.joined()
    }.joined()
  }

  private func isShown(_ section: LinuxCounter.Section) -> Bool {
    switch section {
    case .ip, .icmp, .udp: !onlyTCP
    case .icmpMessages, .tcp, .udpLite, .tcpExtension, .ipExtension: true
    }
  }

  private func sentences(of counter: LinuxCounter, _ value: Int64) -> [String] {
    let name = counter.joinedName
    let title = Self.title(before: name)
    guard !Self.hidden.contains(name), value != 0 || Self.always.contains(name) else {
      return title
    }
    // The histograms stand deeper, and so does what follows them.
    let isDeep = Self.histogram.contains(name) || counter.section == .icmpMessages && !onlyTCP
    let indent = isDeep ? "        " : "    "
    let sentence = Self.sentences[name]?.replacing("%", with: String(value), maxReplacements: 1)
    return title + [indent + (sentence ?? "\(counter.name): \(value)")]
  }

  private static func title(before name: String) -> [String] {
    switch name {
    case "IcmpInDestUnreachs": ["    ICMP input histogram:"]
    case "IcmpOutDestUnreachs": ["    ICMP output histogram:"]
    default: []
    }
  }

  /// The messages by type, in both directions.
  private static let histogram = Set(
    LinuxCounter.all.filter { counter in
      counter.section == .icmp && sentences[counter.joinedName]?.hasSuffix(": %") == true
    }.map(\.joinedName))
}
