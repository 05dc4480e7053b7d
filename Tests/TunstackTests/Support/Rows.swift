// Rows of sockets for the tests of tables.

@testable import tunstack

extension SocketRow {
  static func listener(_ local: String, waiting: Int = 0, backlog: Int = 128) -> SocketRow {
    var row = SocketRow(state: "LISTEN", local: local, remote: nil)
    row.inode = 11
    row.receiveQueue = waiting
    row.sendQueue = backlog
    return row
  }

  /// A connection that its program holds.
  static func connection(
    _ state: String, _ local: String, _ remote: String, timer: Int = 0, seconds: Double = 0
  ) -> SocketRow {
    var row = SocketRow(state: state, local: local, remote: remote)
    row.inode = 4711
    row.timer = timer
    row.timerMicroseconds = Int64(seconds * 1e6)
    var details = Details()
    details.maximumSegmentSize = 1448
    details.congestionWindow = 14_480
    details.retransmissionTimeoutMicroseconds = 204_000
    details.delayedAcknowledgmentMicroseconds = 40_000
    details.pathMTU = 1500
    details.announcedSegmentSize = 1460
    details.receivedSegmentSize = 536
    row.connection = details
    return row
  }

  /// TIME-WAIT or a half-open connection: no program, no control block.
  static func small(
    _ state: String, _ local: String, _ remote: String, timer: Int, seconds: Double
  ) -> SocketRow {
    var row = SocketRow(state: state, local: local, remote: remote)
    row.timer = timer
    row.timerMicroseconds = Int64(seconds * 1e6)
    return row
  }
}

extension CountersMessage {
  /// All zero but these, by joined name.
  static func fixture(_ values: [String: Int64] = [:]) -> CountersMessage {
    var counters: [String: [String: Int64]] = [:]
    for counter in LinuxCounter.all {
      counters[counter.section.rawValue, default: [:]][counter.name] =
        values[counter.joinedName] ?? 0
    }
    return CountersMessage(counters: counters)
  }
}

extension OverviewMessage {
  static func fixture(states: [String: Int], orphans: Int = 0) -> OverviewMessage {
    OverviewMessage(
      program: "tunstack serve", processID: 7, userID: 0, device: "tun0", address: "192.0.2.2/24",
      profile: "linux", uptimeSeconds: 1, states: states, orphans: orphans, bufferedBytes: 8192)
  }
}
