// A copy of what a human wants to know of one connection: rows of `netstat` and `/status`.
// Nothing here refers back to the stack.

public struct ConnectionSnapshot: Sendable {
  public var state: TCPState
  public var local: Endpoint
  /// `nil` for a listener.
  public var remote: Endpoint?
  /// Octets received and not yet read; for a listener its accept queue's length (NST-5).
  public var receiveQueue = 0
  /// Octets written and not yet acknowledged.
  public var sendQueue = 0
  public var retransmissions = 0
  public var bytesSent: UInt64 = 0
  public var bytesReceived: UInt64 = 0
  /// Zero before the first sample.
  public var smoothedRoundTripTime = Interval.zero
  public var retransmissionTimeout = Interval.zero
  /// In octets.
  public var congestionWindow = 0
  public var sendWindow = 0
  public var receiveWindow = 0
  public var maximumSegmentSize = 0
}

extension Connection {
  var snapshot: ConnectionSnapshot {
    ConnectionSnapshot(
      state: state, local: key.local, remote: key.remote, receiveQueue: receive.ring.count,
      sendQueue: send.ring.count, retransmissions: Int(retransmissions), bytesSent: bytesSent,
      bytesReceived: bytesReceived, smoothedRoundTripTime: roundTrip.smoothed,
      retransmissionTimeout: roundTrip.timeout(maximum: .forever),
      congestionWindow: congestion.window, sendWindow: Int(send.window),
      receiveWindow: receive.window, maximumSegmentSize: Int(send.segmentSize))
  }
}
