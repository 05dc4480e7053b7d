// The faster of the two APIs: a value per connection that the loop calls, without a task. Handlers
// lie inline in their service's pool, so an idle connection costs the handler's own size and about
// eight octets. For code that reads from top to bottom take streams (`TCPStream`).

/// What a program does with one connection, called on the stack's loop.
///
/// No call may wait: the loop and all connections wait with it. After `closed` the handler is gone.
/// A handler may be non-copyable and need not be `Sendable`, it never leaves the loop.
public protocol ConnectionHandler: ~Copyable {
  /// The connection is established.
  mutating func opened(_ connection: inout ConnectionContext)

  /// Octets have arrived. Returns how many of them are done with.
  ///
  /// What is left over stays in the connection's buffer and in time closes the peer's window: that
  /// is back pressure. It is offered again when more arrives or after `resumeReading`. Octets that
  /// only lack their continuation belong into the handler: the next offer may hold the same ones
  /// and no more, because the buffer is a ring and an offer ends where the ring does.
  mutating func received(_ bytes: RawSpan, _ connection: inout ConnectionContext) -> Int

  /// The peer has sent its FIN and everything before it is consumed. Default: `close()`.
  mutating func inputEnded(_ connection: inout ConnectionContext)

  /// There is room after a write that was cut short. Default: `resumeReading()`, which is right for
  /// a handler that leaves input unconsumed when it cannot write.
  mutating func writable(_ connection: inout ConnectionContext)

  /// The stack is shutting down and resets what is open when the grace time is over.
  /// Default: `close()`.
  mutating func shutdownBegins(_ connection: inout ConnectionContext)

  /// The last call. `nil` after an orderly end or an own `close`.
  mutating func closed(_ reason: TCPError?)
}

extension ConnectionHandler where Self: ~Copyable {
  public mutating func opened(_ connection: inout ConnectionContext) {}
  public mutating func inputEnded(_ connection: inout ConnectionContext) { connection.close() }
  public mutating func writable(_ connection: inout ConnectionContext) {
    connection.resumeReading()
  }
  public mutating func shutdownBegins(_ connection: inout ConnectionContext) { connection.close() }
  public mutating func closed(_ reason: TCPError?) {}
}
