// The table of sockets as iproute2's ss prints it (NST-7 to NST-9): columns as wide as their
// contents, the address to the right and the port to the left of one colon. Pure: rows and names
// in, text out.

import Foundation

struct SocketTable {
  /// Without `-t` ss says which kind of socket each is.
  var showsKind = false
  /// One state asked for needs no column.
  var showsState = true
  var hasHeading = true
  /// `-o`, `-e`, `-i`, `-p`
  var showsTimer = false
  var showsDetails = false
  var showsInternals = false
  var showsProcess = false
  var userID: UInt32 = 0
  /// `("tunstack",pid=1)`
  var process = ""

  func text(_ rows: [SocketRow], _ names: SocketNames) -> String {
    var lines = rows.map { cells($0, names) }
    if hasHeading { lines.insert(Self.heading, at: 0) }
    let widths = (0..<Self.heading.count).map { column in
      lines.map { $0[column].count }.max() ?? 0
    }
    var text = ""
    for (index, cells) in lines.enumerated() {
      text += line(cells, widths) + "\n"
      let row = hasHeading ? index - 1 : index
      if showsInternals, row >= 0 { text += "\t \(internals(rows[row]))\n" }
    }
    return text
  }

  /// kind, state, receive queue, send queue, local address, port, peer address, port, the rest
  private static let heading = [
    "Netid", "State", "Recv-Q", "Send-Q", "Local Address", "Port", "Peer Address", "Port",
    "Process",
  ]

  private func cells(_ row: SocketRow, _ names: SocketNames) -> [String] {
    let local = names.split(row.local)
    let remote = names.split(row.remote ?? "0.0.0.0:0")
    return [
      "tcp", row.tcpState?.columnName ?? row.state, String(row.receiveQueue),
      String(row.sendQueue), local.host, local.service, remote.host, remote.service, extras(row),
    ]
  }

  private func line(_ cells: [String], _ widths: [Int]) -> String {
    var line = ""
    if showsKind { line += cells[0].left(widths[0]) + " " }
    if showsState { line += cells[1].left(widths[1]) + " " }
    line += "\(cells[2].left(widths[2])) \(cells[3].left(widths[3])) "
    line += "\(cells[4].right(widths[4])):\(cells[5].left(widths[5])) "
    line += "\(cells[6].right(widths[6])):\(cells[7].left(widths[7])) "
    line += cells[8]
    return line.trimmingSuffix(" ")
  }

  private func extras(_ row: SocketRow) -> String {
    var words: [String] = []
    if showsProcess, row.inode != 0 { words.append("users:(\(process))") }
    if showsTimer, row.timer != 0 {
      let count = row.timer == 4 ? row.probes : row.retransmissionsInRow
      words.append("timer:(\(Self.timerName(row.timer)),\(Self.time(row)),\(count))")
    }
    if showsDetails {
      if row.inode != 0, userID != 0 { words.append("uid:\(userID)") }
      words.append("ino:\(row.inode) sk:\(String(row.inode, radix: 16))")
      if row.state == "CLOSE_WAIT" || row.state == "LAST_ACK" { words.append("-->") }
      if row.state == "FIN_WAIT1" || row.state == "FIN_WAIT2" { words.append("<--") }
      if row.state == "ESTABLISHED" { words.append("<->") }
    }
    return words.joined(separator: " ")
  }

  private static func timerName(_ timer: Int) -> String {
    switch timer {
    case 1: "on"
    case 2: "keepalive"
    case 3: "timewait"
    case 4: "persist"
    default: "unknown"
    }
  }

  /// `59sec`, `119min`, `1min30sec`, `1.204ms`: the less the nearer.
  private static func time(_ row: SocketRow) -> String {
    let milliseconds = row.timerMicroseconds / 1_000
    let minutes = milliseconds / 60_000
    let seconds = minutes > 9 ? 0 : milliseconds / 1_000 % 60
    let rest = minutes > 0 || seconds > 9 ? 0 : milliseconds % 1_000
    var text = minutes > 0 ? "\(minutes)min" : ""
    if seconds > 0 { text += "\(seconds)" + (rest > 0 ? "." : "sec") }
    if rest > 0 { text += String(format: "%03dms", Int(rest)) }
    return text
  }

  // MARK: -i

  private func internals(_ row: SocketRow) -> String {
    guard let connection = row.connection else { return "" }
    let size = max(connection.maximumSegmentSize, 1)
    var words: [String] = []
    if connection.timestamps { words.append("ts") }
    if connection.fastOpen { words.append("fastopen") }
    if connection.ecn { words.append("ecn") }
    if connection.ecnSeen { words.append("ecnseen") }
    words.append(connection.congestionAlgorithm)
    if let send = connection.sendWindowShift, let receive = connection.receiveWindowShift {
      words.append("wscale:\(send),\(receive)")
    }
    words.append("rto:\(Self.milliseconds(connection.retransmissionTimeoutMicroseconds))")
    if connection.backoff > 0 { words.append("backoff:\(connection.backoff)") }
    if connection.roundTripMicroseconds > 0 {
      words.append(
        "rtt:\(Self.milliseconds(connection.roundTripMicroseconds))"
          + "/\(Self.milliseconds(connection.roundTripVariationMicroseconds))")
    }
    words.append("ato:\(Self.milliseconds(connection.delayedAcknowledgmentMicroseconds))")
    words += [
      "mss:\(connection.maximumSegmentSize)", "pmtu:\(connection.pathMTU)",
      "rcvmss:\(connection.receivedSegmentSize)", "advmss:\(connection.announcedSegmentSize)",
      "cwnd:\(connection.congestionWindow / size)",
    ]
    if let threshold = connection.slowStartThreshold {
      words.append("ssthresh:\(threshold / size)")
    }
    words += Self.counts([
      ("bytes_sent", Int(connection.bytesSent)), ("bytes_acked", Int(connection.bytesAcknowledged)),
      ("bytes_received", Int(connection.bytesReceived)),
      ("segs_out", Int(connection.segmentsSent)), ("segs_in", Int(connection.segmentsReceived)),
    ])
    words += [
      "lastsnd:\(connection.sinceSendingMicroseconds / 1_000)",
      "lastrcv:\(connection.sinceReceivingMicroseconds / 1_000)",
    ]
    if connection.pacingRate > 0 {
      words.append("pacing_rate \(connection.pacingRate * 8)bps")
    }
    if connection.deliveryRate > 0 {
      words.append("delivery_rate \(connection.deliveryRate * 8)bps")
    }
    if connection.retransmissions > 0 {
      words.append("retrans:\(connection.resent / size)/\(connection.retransmissions)")
    }
    words += Self.counts([
      ("lost", connection.lost / size), ("sacked", connection.sacked / size),
      ("reord_seen", connection.sawReordering ? 1 : 0),
      ("notsent", connection.unsent),
    ])
    if connection.minimumRoundTripMicroseconds > 0 {
      words.append("minrtt:\(Self.milliseconds(connection.minimumRoundTripMicroseconds))")
    }
    words += Self.counts([
      ("snd_wnd", connection.sendWindow), ("rcv_wnd", connection.receiveWindow),
    ])
    return words.joined(separator: " ")
  }

  private static func counts(_ counts: [(String, Int)]) -> [String] {
    counts.filter { $0.1 > 0 }.map { "\($0.0):\($0.1)" }
  }

  /// As C's `%g` prints thousandths.
  private static func milliseconds(_ microseconds: Int64) -> String {
    String(format: "%g", Double(microseconds) / 1_000)
  }

  // MARK: -s

  static func summary(_ overview: OverviewMessage) -> String {
    let timeWait = overview.states["TIME_WAIT"] ?? 0
    let all = overview.states.values.reduce(0, +)
    let open = all - timeWait
    let row = { (name: String, count: Int) in
      "\(name)\t  \(String(count).left(9)) \(String(count).left(9)) \("0".left(9))\n"
    }
    return """
      Total: \(open)
      TCP:   \(all) (estab \(overview.states["ESTABLISHED"] ?? 0), closed \(timeWait), orphaned \
      \(overview.orphans), timewait \(timeWait))

      Transport Total     IP        IPv6

      """ + row("RAW", 0) + row("UDP", 0) + row("TCP", open) + row("INET", open) + row("FRAG", 0)
        + "\n"
  }
}

extension String {
  fileprivate func trimmingSuffix(_ letter: Character) -> String {
    var text = self[...]
    while text.last == letter { text.removeLast() }
    return String(text)
  }
}
