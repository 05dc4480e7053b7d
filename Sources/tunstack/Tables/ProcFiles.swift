// Text of files below /proc, as Linux writes them (NST-6, NST-10, CNT-1), for programs that read
// those: real netstat, ss and nstat do, when they are pointed there. Pure.

enum ProcFiles {
  static let names = ["net/tcp", "net/snmp", "net/netstat", "net/sockstat"]

  // MARK: net/tcp

  static func tcp(_ rows: [SocketRow], userID: UInt32) -> String {
    let heading =
      "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
    return heading.left(149) + "\n"
      + rows.enumerated().map { line($0.offset, $0.element, userID).left(149) + "\n" }.joined()
  }

  private static func line(_ index: Int, _ row: SocketRow, _ userID: UInt32) -> String {
    let isListener = row.remote == nil
    let state = row.tcpState ?? .closed
    // The kernel's small entries end after the pointer.
    let isSmall = row.connection == nil && !isListener || state == .timeWait
    let hundredths = (row.timerMicroseconds + 9_999) / 10_000
    let queues =
      "\((isListener ? 0 : row.sendQueue).hexadecimal(8)):\(row.receiveQueue.hexadecimal(8))"
    let references = state == .timeWait ? 3 : isSmall ? 0 : 1
    let name =
      String(repeating: "0", count: 16 - String(row.inode, radix: 16).count)
      + String(row.inode, radix: 16)
    var line = """
      \(index.right(4)): \(address(row.local)) \(address(row.remote ?? "0.0.0.0:0")) \
      \(state.rawValue.hexadecimal(2)) \(queues) \
      \(row.timer.hexadecimal(2)):\((row.timer == 0 ? 0 : hundredths).hexadecimal(8)) \
      \(row.retransmissionsInRow.hexadecimal(8)) \((row.inode == 0 ? 0 : userID).right(5)) \
      \(row.probes.right(8)) \(row.inode) \(references) \(name)
      """
    if isListener {
      line += " 100 0 0 10 0"
    } else if !isSmall, let connection = row.connection {
      let size = max(connection.maximumSegmentSize, 1)
      let threshold = connection.slowStartThreshold.map { String($0 / size) } ?? "-1"
      line += """
         \(connection.retransmissionTimeoutMicroseconds / 10_000) \
        \(connection.delayedAcknowledgmentMicroseconds / 10_000) \
        \(connection.quickAcknowledgments << 1) \(connection.congestionWindow / size) \(threshold)
        """
    }
    return line
  }

  /// The address as a little-endian host reads its four octets, the port as a number.
  private static func address(_ endpoint: String) -> String {
    let halves = endpoint.split(separator: ":")
    let octets = halves.first?.split(separator: ".").compactMap { UInt8($0) } ?? []
    let host = octets.reversed().map { $0.hexadecimal(2) }.joined()
    return "\(host):\((halves.last.flatMap { UInt16($0) } ?? 0).hexadecimal(4))"
  }

  // MARK: net/snmp and net/netstat

  static func snmp(_ counters: CountersMessage) -> String {
    lines(LinuxCounter.Section.basic, counters)
  }

  static func netstat(_ counters: CountersMessage) -> String {
    lines([.tcpExtension, .ipExtension], counters)
  }

  private static func lines(
    _ sections: [LinuxCounter.Section], _ counters: CountersMessage
  ) -> String {
    sections.map { section in
      // Linux names only the types of ICMP messages that there were.
      let columns = LinuxCounter.all.filter {
        $0.section == section && (section != .icmpMessages || counters.value($0) != 0)
      }
      guard !columns.isEmpty else { return "" }
      let names = columns.map(\.name).joined(separator: " ")
      let values = columns.map { String(counters.value($0)) }.joined(separator: " ")
      return "\(section.rawValue): \(names)\n\(section.rawValue): \(values)\n"
    }.joined()
  }

  // MARK: net/sockstat

  static func sockstat(_ overview: OverviewMessage) -> String {
    let timeWait = overview.states["TIME_WAIT"] ?? 0
    let small = timeWait + (overview.states["SYN_RECV"] ?? 0)
    let sockets = overview.states.values.reduce(0, +) - small
    let pages = (overview.bufferedBytes + 4095) / 4096
    return """
      sockets: used \(sockets)
      TCP: inuse \(sockets) orphan \(overview.orphans) tw \(timeWait) alloc \(sockets) mem \(pages)
      UDP: inuse 0 mem 0
      UDPLITE: inuse 0
      RAW: inuse 0
      FRAG: inuse 0 memory 0

      """
  }
}
