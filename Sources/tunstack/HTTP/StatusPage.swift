// The page `/status`: states counted, connections listed, counters, as JSON (RFC 8259). Built from
// snapshots one at a time, so that the table of connections is never copied as a whole.

import UserTCPRuntime

struct StatusPage {
  /// Rows in full; the states are counted beyond it. A million TIME-WAITs are not a page.
  private static let longestTable = 1000

  private var rows: [String] = []
  private var counts: [UInt8: Int] = [:]
  private var total = 0

  init() {}

  mutating func add(_ connection: ConnectionSnapshot) {
    counts[connection.state.rawValue, default: 0] += 1
    total += 1
    guard rows.count < Self.longestTable else { return }
    rows.append(Self.row(connection))
  }

  func octets(_ counters: Counters, droppedFrames: UInt64?) -> [UInt8] {
    let states = TCPState.allCases.compactMap { state in
      counts[state.rawValue].map { "\"\(state)\": \($0)" }
    }
    let text = """
      {
        "states": {\(states.joined(separator: ", "))},
        "omitted": \(total - rows.count),
        "connections": [
          \(rows.joined(separator: ",\n    "))
        ],
        "counters": \(Self.object(counters)),
        "droppedByDevice": \(droppedFrames.map(String.init) ?? "null")
      }

      """
    return Array(text.utf8)
  }

  private static func row(_ connection: ConnectionSnapshot) -> String {
    let remote = connection.remote.map { "\"\($0)\"" } ?? "null"
    return """
      {"state": "\(connection.state)", "local": "\(connection.local)", "remote": \(remote), \
      "receiveQueue": \(connection.receiveQueue), "sendQueue": \(connection.sendQueue), \
      "retransmissions": \(connection.retransmissions), \
      "bytesSent": \(connection.bytesSent), "bytesReceived": \(connection.bytesReceived), \
      "roundTripMicroseconds": \(connection.smoothedRoundTripTime.nanoseconds / 1_000), \
      "retransmissionTimeoutMilliseconds": \
      \(connection.retransmissionTimeout.nanoseconds / 1_000_000), \
      "congestionWindow": \(connection.congestionWindow), "sendWindow": \(connection.sendWindow), \
      "receiveWindow": \(connection.receiveWindow), \
      "maximumSegmentSize": \(connection.maximumSegmentSize)}
      """
  }

  /// Counters are integers in groups; whatever the engine counts appears here by its name.
  private static func object(_ value: Any) -> String {
    let fields = Mirror(reflecting: value).children.compactMap { child -> String? in
      guard let label = child.label else { return nil }
      if let number = child.value as? any BinaryInteger { return "\"\(label)\": \(number)" }
      return "\"\(label)\": \(object(child.value))"
    }
    return "{\(fields.joined(separator: ", "))}"
  }
}
