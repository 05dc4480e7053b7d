// SKELETON (signatures are the contract; bodies follow)

public struct ConnectionID: Hashable, Sendable, BitwiseCopyable {
  /// Index below `StackSettings.maximumConnections`; used again after release with another generation.
  public var slot: UInt32
  public var generation: UInt32
  public init(slot: UInt32, generation: UInt32) { self.slot = slot; self.generation = generation }
}
public struct ListenerID: Hashable, Sendable, BitwiseCopyable {
  public var slot: UInt32
  public var generation: UInt32
}
/// 256 random bits from the caller; every instance of a stack needs its own (RFC 6528 §3).
public struct StackSecret: Sendable, BitwiseCopyable {
  public var words: (UInt64, UInt64, UInt64, UInt64)
  public init(_ a: UInt64, _ b: UInt64, _ c: UInt64, _ d: UInt64) { words = (a, b, c, d) }
}
public struct Counters: Sendable, BitwiseCopyable { public var segmentsIn: UInt64 = 0 }

/// What can be read now.
public enum Readable: Sendable, BitwiseCopyable {
  case bytes(Int)
  case nothingYet
  case endOfStream
}

@safe public struct ProtocolStack: ~Copyable {
  public var settings: StackSettings
  public private(set) var counters = Counters()

  public init(
    settings: StackSettings = StackSettings(), interface: InterfaceAddress, secret: StackSecret,
    offloads: OffloadCapabilities = .none
  ) { self.settings = settings }

  // MARK: Packets and time
  public mutating func receive(_ batch: borrowing IncomingBatch, at now: Instant) {}
  /// Appends frames until nothing is due or the batch is full.
  public mutating func poll(at now: Instant, into batch: inout OutgoingBatch) {}
  /// `poll` would send something now.
  public var hasOutput: Bool { false }
  /// When `poll` must be called next if nothing else happens; `.never` when no timer runs.
  public var nextDeadline: Instant { .never }
  /// Tells the time to calls that are made outside `receive` and `poll`.
  public mutating func advance(to now: Instant) {}
  public mutating func nextNotification() -> Notification? { nil }

  // MARK: Opening
  public mutating func listen(on port: Port, address: IPAddress? = nil, backlog: Int = 4096,
    options: ConnectionOptions = ConnectionOptions()) throws(TCPError) -> ListenerID { throw .limitReached }
  public mutating func stopListening(_ id: ListenerID) {}
  public mutating func accept(_ id: ListenerID) -> ConnectionID? { nil }
  /// Returns at once in SYN-SENT; `.established` or `.closed` follows.
  public mutating func connect(to remote: Endpoint, from local: Endpoint? = nil,
    options: ConnectionOptions = ConnectionOptions()) throws(TCPError) -> ConnectionID { throw .limitReached }

  // MARK: Data. Each throws the connection's outcome once it is over (`.closed` for a stale handle).
  /// Takes what fits into the send buffer and returns how much; `.writable` follows when it was less.
  public mutating func write(_ id: ConnectionID, _ bytes: RawSpan, urgent: Bool = false) throws(TCPError) -> Int { throw .closed }
  public func writableBytes(_ id: ConnectionID) throws(TCPError) -> Int { throw .closed }
  public func readable(_ id: ConnectionID) throws(TCPError) -> Readable { throw .closed }
  public mutating func read(_ id: ConnectionID, into output: inout OutputRawSpan) throws(TCPError) -> Readable { throw .closed }
  /// Where the longest contiguous readable octets lie; empty when there are none. Valid until the next
  /// `consume`, `close`, `abort` or `receive`; writing to any connection leaves them where they are.
  @unsafe public func readableBytes(_ id: ConnectionID) -> UnsafeRawBufferPointer { unsafe UnsafeRawBufferPointer(start: nil, count: 0) }
  public mutating func consume(_ id: ConnectionID, _ count: Int) {}
  /// Urgent octets still unread, 0 when none (R9293-MUST-33).
  public func urgentBytes(_ id: ConnectionID) -> Int { 0 }

  // MARK: Closing
  /// Half-close: FIN after what was written; reading goes on.
  public mutating func finish(_ id: ConnectionID) throws(TCPError) {}
  /// Gives the handle back: FIN after what was written, no more reading. Unread octets, or octets that
  /// arrive later, reset the connection (SHLD-3) — after `grace`, during which they are discarded.
  public mutating func close(_ id: ConnectionID, discardingInputFor grace: Interval = .zero) {}
  /// Gives the handle back and resets the connection (RFC 9293 §3.10.5).
  public mutating func abort(_ id: ConnectionID) {}

  // MARK: Questions
  /// Why the connection is over; `nil` while it lives. `.closed` after an orderly end or for a stale handle.
  public func outcome(_ id: ConnectionID) -> TCPError? { .closed }
  /// The last soft error, cleared by reading it.
  public mutating func takeSoftError(_ id: ConnectionID) -> TCPError? { nil }
  public mutating func configure(_ id: ConnectionID, _ change: (inout ConnectionOptions) -> Void) throws(TCPError) {}
  public func snapshot(_ id: ConnectionID) -> ConnectionSnapshot? { nil }
  /// Listeners, half-open, connections, TIME-WAIT, in that order; for tables, not for the hot path.
  public func forEachSnapshot(_ body: (ConnectionSnapshot) -> Void) {}
  public var connectionCount: Int { 0 }
  public var timeWaitCount: Int { 0 }
}
