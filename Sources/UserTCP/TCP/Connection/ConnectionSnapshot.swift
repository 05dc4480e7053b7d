// A copy of what a human wants to know of one connection: rows of `netstat` and `/status`.
// Nothing here refers back to the stack.

/// The eleven states of RFC 9293 §3.3.2, whatever represents them inside.
public enum TCPState: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  case established = 1, synSent, synReceived, finWait1, finWait2, timeWait, closed, closeWait
  case lastAck, listen, closing  // numbered as Linux numbers them (NST-3)
}

extension TCPState: CustomStringConvertible {
  /// As `netstat` writes it.
  public var description: String {
    switch self {
    case .established: "ESTABLISHED"
    case .synSent: "SYN_SENT"
    case .synReceived: "SYN_RECV"
    case .finWait1: "FIN_WAIT1"
    case .finWait2: "FIN_WAIT2"
    case .timeWait: "TIME_WAIT"
    case .closed: "CLOSE"
    case .closeWait: "CLOSE_WAIT"
    case .lastAck: "LAST_ACK"
    case .listen: "LISTEN"
    case .closing: "CLOSING"
    }
  }
}

public struct ConnectionSnapshot: Sendable {
  public var state: TCPState
  public var local: Endpoint
  /// `nil` for a listener.
  public var remote: Endpoint?
  /// Octets received and not yet read; for a listener its accept queue's length (NST-5).
  public var receiveQueue: Int
  /// Octets written and not yet acknowledged.
  public var sendQueue: Int
  public var retransmissions: Int
  public var bytesSent: UInt64
  public var bytesReceived: UInt64
  /// Zero before the first sample.
  public var smoothedRoundTripTime: Interval
  public var retransmissionTimeout: Interval
  /// In octets.
  public var congestionWindow: Int
  public var sendWindow: Int
  public var receiveWindow: Int
  public var maximumSegmentSize: Int
}
