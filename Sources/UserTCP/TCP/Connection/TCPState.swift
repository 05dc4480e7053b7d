// The state diagram of RFC 9293 §3.3.2 (figure 5) as one pure table. Which type holds a state is not its
// business: LISTEN is a `Listener`, SYN-RECEIVED of a passive open an entry of the `SYNQueue`,
// TIME-WAIT an entry of the `TimeWaitTable`, CLOSED is absence; the others share `Connection`.

/// The eleven states of RFC 9293 §3.3.2, whatever represents them inside.
public enum TCPState: UInt8, Sendable, CaseIterable, BitwiseCopyable {
  case established = 1
  case synSent, synReceived, finWait1, finWait2, timeWait, closed, closeWait
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

/// What moves a connection from one state to another.
enum StateEvent: UInt8, CaseIterable, BitwiseCopyable {
  case passiveOpen
  case activeOpen
  /// The program has no more to send.
  case close
  /// A SYN without an acceptable ACK.
  case synArrives
  /// A SYN that acknowledges ours.
  case synAckArrives
  /// Our SYN is acknowledged.
  case synAcknowledged
  /// The peer's FIN, in order.
  case finArrives
  /// Our FIN is acknowledged.
  case finAcknowledged
  /// 2MSL have passed.
  case timeWaitExpires
  /// A reset, an abort, or giving up.
  case abort
}

extension TCPState {
  /// The next state, or `nil` where the diagram has no such arrow.
  func after(_ event: StateEvent) -> TCPState? {
    switch (self, event) {
    case (.closed, .passiveOpen): .listen
    case (.closed, .activeOpen): .synSent
    case (.listen, .synArrives): .synReceived
    case (.listen, .close): .closed
    case (.synSent, .synArrives): .synReceived
    case (.synSent, .synAckArrives): .established
    case (.synSent, .close): .closed
    case (.synReceived, .synAcknowledged): .established
    case (.synReceived, .close): .finWait1
    case (.synReceived, .finArrives): .closeWait
    case (.established, .close): .finWait1
    case (.established, .finArrives): .closeWait
    case (.finWait1, .finAcknowledged): .finWait2
    case (.finWait1, .finArrives): .closing
    case (.finWait2, .finArrives): .timeWait
    case (.closeWait, .close): .lastAck
    case (.closing, .finAcknowledged): .timeWait
    case (.lastAck, .finAcknowledged): .closed
    case (.timeWait, .timeWaitExpires): .closed
    case (.closed, .abort): nil
    case (_, .abort): .closed
    default: nil  // every pair not listed is no arrow of the figure; the test walks all of them
    }
  }

  /// Text of the peer is still taken (RFC 9293 §3.10.7.4, seventh).
  var receivesText: Bool {
    switch self {
    case .established, .finWait1, .finWait2: true
    case .synSent, .synReceived, .timeWait, .closed, .closeWait, .lastAck, .listen, .closing: false
    }
  }

  /// The program may still write (RFC 9293 §3.10.2).
  var acceptsWrites: Bool { self == .established || self == .closeWait }

  /// Our FIN is to be sent, or sent and not acknowledged.
  var owesFIN: Bool { self == .finWait1 || self == .closing || self == .lastAck }

  /// Both ends know of the connection.
  var isSynchronized: Bool {
    switch self {
    case .synSent, .synReceived, .closed, .listen: false
    case .established, .finWait1, .finWait2, .timeWait, .closeWait, .lastAck, .closing: true
    }
  }
}
