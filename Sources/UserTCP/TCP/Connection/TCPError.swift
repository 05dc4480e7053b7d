// Everything that can go wrong between a program and this TCP, in one closed list. Packets never
// throw: what is wrong with a packet is a counter. The names say what happened to the caller.

/// Why a call on a stack, a listener or a connection failed.
public enum TCPError: Error, Hashable, Sendable {
  /// The other end answered the SYN with a reset, or ICMP said port unreachable.
  case connectionRefused
  /// The other end reset an established connection.
  case resetByPeer
  /// No answer for longer than R2 (RFC 9293 §3.8.3) or the user timeout.
  case timedOut
  /// ICMP said that the host or network cannot be reached (a soft error, RFC 9293 §3.9.2.2).
  case unreachable
  /// This end aborted the connection.
  case aborted
  /// The connection was closed here, or its handle is no longer valid.
  case closed
  /// The call was cancelled; the connection lives.
  case cancelled
  /// The port, or the pair of endpoints, is in use (also by a connection in TIME-WAIT).
  case addressInUse
  /// No local port is left for this destination, or the local address is not ours.
  case addressNotAvailable
  /// The remote address can never be connected to: unspecified, broadcast, multicast.
  case invalidAddress
  /// A limit of the stack is reached: connections, listeners or memory.
  case limitReached
  /// The call needs an established connection.
  case notConnected
}

extension TCPError: CustomStringConvertible {
  public var description: String {
    switch self {
    case .connectionRefused: "connection refused"
    case .resetByPeer: "connection reset by peer"
    case .timedOut: "connection timed out"
    case .unreachable: "no route to host"
    case .aborted: "connection aborted"
    case .closed: "connection closed"
    case .cancelled: "cancelled"
    case .addressInUse: "address already in use"
    case .addressNotAvailable: "address not available"
    case .invalidAddress: "invalid address"
    case .limitReached: "limit of the stack reached"
    case .notConnected: "not connected"
    }
  }
}
