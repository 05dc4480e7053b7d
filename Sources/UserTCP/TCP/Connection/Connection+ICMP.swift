// What an ICMP error about one of our segments does to its connection (RFC 9293 §3.9.2.2), believed
// only when it quotes a sequence number that is in flight (RFC 5927 §4.1, SEC-23).

/// An ICMP error, in words that do not depend on the IP version.
enum PathError: BitwiseCopyable {
  /// Net or host unreachable, time exceeded, parameter problem, source route failed: soft.
  case soft
  /// Protocol or port unreachable: hard before the handshake is done, soft after (DEC-5, SEC-24).
  case refused
}

extension Connection {
  /// Whether `sequence` names something we have sent that is not acknowledged yet.
  func isInFlight(_ sequence: SequenceNumber) -> Bool {
    sequence >= send.unacknowledged && sequence < send.next
  }

  mutating func pathErrorArrives(_ error: PathError, _ context: inout TCPContext) {
    switch (error, state) {
    case (.refused, .synSent), (.refused, .synReceived):
      fastOpenFailed(&context)  // RFC 7413 §4.1.3.1
      fail(.connectionRefused, &context)
    case (.refused, _): report(.connectionRefused)
    case (.soft, _): report(.unreachable)  // never an abort (MUST-56), told as MUST-47 asks
    }
  }
}
