// A port in LISTEN (RFC 9293 §3.10.1): no control block, no sequence numbers, only where accepted
// connections wait. Half-open ones are in the `SYNQueue`.

/// Names one listener for as long as it lives.
public struct ListenerID: Hashable, Sendable, BitwiseCopyable {
  public var slot: UInt32
  public var generation: UInt32
}

struct Listener: ~Copyable {
  let port: Port
  /// `nil`: every address of the host.
  let address: IPAddress?
  /// The accept queue holds one more, as Linux's does (SYS-8).
  let backlog: Int
  /// Given to connections it accepts.
  let options: ConnectionOptions
  /// Established and not yet taken by the program.
  var acceptQueue = RingQueue<ConnectionID>()
  var fastOpen: FastOpenQueue
  /// Entries of the SYN queue that belong here.
  var halfOpenCount = 0
  /// The next listener on the same port, at another address.
  var nextOnPort: UInt32
  /// When a SYN was last answered with a cookie (SEC-17a).
  var lastCookie = Instant.never
  /// The program has been told that the accept queue is not empty.
  var isNotified = false

  var isFull: Bool { acceptQueue.count > backlog }

  /// More half-open connections than the backlog: time for cookies (SYS-1).
  var isFlooded: Bool { halfOpenCount > backlog }

  /// An ACK may end a handshake that only a cookie remembers.
  func believesCookies(at now: Instant) -> Bool {
    lastCookie != .never && now - lastCookie <= SYNCookie.memory
  }
}
