// The program above the stack under test, as a script plays it. Each call is followed by a turn of
// output, as the event loop would do.

import UserTCP

extension ScriptedPeer {
  @discardableResult public func appListens(
    on port: UInt16? = nil, backlog: Int = 128, fastOpenBacklog: Int = 0,
    options: ConnectionOptions = ConnectionOptions()
  ) throws(TCPError) -> ListenerID {
    note("app listens on \(port ?? stackPort)")
    let id = try stack.listen(
      on: Port(port ?? stackPort), backlog: backlog, fastOpenBacklog: fastOpenBacklog,
      options: options)
    listener = id
    drain()
    return id
  }

  /// The next accepted connection of the last listener.
  public func appAccepts() -> ConnectionID? {
    acceptable = false
    let id = listener.flatMap { stack.accept($0) }
    note("app accepts \(id.map { "\($0)" } ?? "nothing")")
    drain()
    return id
  }

  /// Opens a connection to the peer; its port is `port`.
  public func appConnects(
    from local: Endpoint? = nil, to remote: Endpoint? = nil,
    options: ConnectionOptions = ConnectionOptions()
  ) throws(TCPError) -> ConnectionID {
    note("app connects")
    defer { drain() }
    return try stack.connect(
      to: remote ?? Endpoint(address, Port(port)), from: local, options: options)
  }

  /// Opens a connection with octets that may go on the SYN (RFC 7413); all of them must be taken.
  public func appConnects(
    sending bytes: [UInt8], options: ConnectionOptions = ConnectionOptions()
  ) throws(TCPError) -> ConnectionID {
    note("app connects with \(bytes.count) octets")
    defer { drain() }
    let (id, count) = try unsafe stack.connect(
      to: Endpoint(address, Port(port)), options: options, sending: bytes.span.bytes)
    if count < bytes.count { problem("only \(count) of \(bytes.count) octets were taken") }
    return id
  }

  @discardableResult public func appWrites(
    _ id: ConnectionID, _ bytes: [UInt8], urgent: Bool = false
  ) throws(TCPError) -> Int {
    defer { drain() }
    let count = try unsafe stack.write(id, bytes.span.bytes, urgent: urgent)
    note("app writes \(bytes.count)\(urgent ? " urgent" : ""), \(count) taken")
    return count
  }

  @discardableResult public func appWrites(
    _ id: ConnectionID, _ text: String, urgent: Bool = false
  ) throws(TCPError) -> Int {
    try appWrites(id, Array(text.utf8), urgent: urgent)
  }

  /// Writes `count` octets of a known pattern.
  @discardableResult public func appWrites(
    _ id: ConnectionID, count: Int
  ) throws(TCPError) -> Int {
    try appWrites(id, Self.pattern(count))
  }

  /// Reads what is there, at most `limit` octets.
  public func appReads(
    _ id: ConnectionID, atMost limit: Int = 1 << 22
  ) throws(TCPError) -> [UInt8] {
    defer { drain() }
    var bytes: [UInt8] = []
    while bytes.count < limit {
      guard case .bytes(let available) = try stack.readable(id), available > 0 else { break }
      let chunk = try readOnce(id, min(available, limit - bytes.count))
      if chunk.isEmpty { break }
      bytes += chunk
    }
    note("app reads \(bytes.count)")
    return bytes
  }

  private func readOnce(_ id: ConnectionID, _ count: Int) throws(TCPError) -> [UInt8] {
    let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: count, alignment: 1)
    defer { unsafe buffer.deallocate() }
    var output = unsafe OutputRawSpan(buffer: buffer, initializedCount: 0)
    _ = try stack.read(id, into: &output)
    let length = unsafe output.finalize(for: buffer)
    return unsafe Array(buffer.prefix(length))
  }

  /// True once everything is read and the peer has sent its FIN.
  public func appSeesEnd(_ id: ConnectionID) throws(TCPError) -> Bool {
    if case .endOfStream = try stack.readable(id) { true } else { false }
  }

  public func appFinishes(_ id: ConnectionID) throws(TCPError) {
    note("app finishes")
    try stack.finish(id)
    drain()
  }

  public func appCloses(_ id: ConnectionID, discardingInputFor grace: Interval = .zero) {
    note("app closes")
    stack.close(id, discardingInputFor: grace)
    drain()
  }

  public func appAborts(_ id: ConnectionID) {
    note("app aborts")
    stack.abort(id)
    drain()
  }

  public func appConfigures(
    _ id: ConnectionID, _ change: (inout ConnectionOptions) -> Void
  ) throws(TCPError) {
    note("app changes options")
    try stack.configure(id, change)
    drain()
  }

  // MARK: What the program knows

  /// Events since the last call.
  public func takeEvents(_ id: ConnectionID) -> ConnectionEvents {
    drain()
    return events.removeValue(forKey: id) ?? []
  }

  /// The state of the connection between the peer's and the stack's port of the moment; CLOSED
  /// is absence.
  public var state: TCPState { snapshot?.state ?? .closed }

  public var snapshot: ConnectionSnapshot? {
    let wanted = Endpoint(address, Port(port))
    var found: ConnectionSnapshot?
    let local = Port(stackPort)
    stack.forEachSnapshot { snapshot in
      if snapshot.remote == wanted, snapshot.local.port == local { found = snapshot }
    }
    return found
  }

  /// Octets that tell their position: a wrong order or a hole shows.
  public static func pattern(_ count: Int, from start: Int = 0) -> [UInt8] {
    (start..<start + count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ $0 >> 8) }
  }
}
