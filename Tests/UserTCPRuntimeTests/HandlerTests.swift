import Testing

@testable import UserTCP
@testable import UserTCPRuntime

/// Notes what it is told; answers nothing.
private struct Witness: ConnectionHandler {
  let log: Log<String>
  var octets = 0

  mutating func opened(_ connection: inout ConnectionContext) {
    let isMine =
      connection.local?.port == 7 && connection.remote?.address == .v4(Two.client.address)
    log.note(isMine ? "opened" : "opened by nobody")
  }
  mutating func received(_ bytes: RawSpan, _ connection: inout ConnectionContext) -> Int {
    octets += bytes.byteCount
    return bytes.byteCount
  }
  mutating func inputEnded(_ connection: inout ConnectionContext) {
    log.note("ended after \(octets)")
    connection.close()
  }
  mutating func closed(_ reason: TCPError?) {
    log.note("closed \(reason.map { "\($0)" } ?? "well")")
  }
}

/// Runs one handler service on port 7 and `body` at its client.
private func withHandler<
  Handler: ConnectionHandler & SendableMetatype & ~Copyable, Result: Sendable
>(
  settings: StackSettings = StackSettings(), log: @escaping RuntimeLog = { _ in },
  _ make: @escaping @Sendable () -> Handler,
  _ body: @escaping @Sendable (TCPStack) async throws -> Result
) async throws -> Result {
  try await Two.run(settings: settings, log: log) { stack, _ in
    try stack.serve(port: 7, handler: make)
  } _: {
    try await body($0)
  }
}

@Suite struct `A connection handler` {
  @Test func `is told of everything in order`() async throws {
    let log = Log<String>()
    try await withHandler({ Witness(log: log) }) { stack in
      let stream = try await stack.connect(to: Two.endpoint(7))
      try await stream.write(pattern(1_000_000))
      try await stream.finish()
      #expect(try await stream.read() == nil)
      stream.close()
    }
    #expect(log.all == ["opened", "ended after 1000000", "closed well"])
  }

  @Test func `is told when its peer resets`() async throws {
    let log = Log<String>()
    try await withHandler({ Witness(log: log) }) { stack in
      let stream = try await stack.connect(to: Two.endpoint(7))
      // Other connections, so that this one's beginning, and then its end, have arrived.
      try await other(stack)
      stream.abort()
      try await other(stack)
    }
    let others = ["ended after 0", "closed well"]
    #expect(
      log.all.filter { !others.contains($0) && $0 != "opened" } == [
        "closed connection reset by peer"
      ])

    @Sendable func other(_ stack: TCPStack) async throws {
      let stream = try await stack.connect(to: Two.endpoint(7))
      try await stream.finish()
      _ = try await stream.read()
      stream.close()
    }
  }

  @Test func `echoes more than fits into any buffer, with both sides sending`() async throws {
    let sent = pattern(8 << 20)
    let received = try await withHandler({ Echo() }) { stack in
      try await stack.connect(to: Two.endpoint(7)) { stream in
        async let answer = readAll(stream)
        try await stream.write(sent)
        try await stream.finish()
        return try await answer
      }
    }
    #expect(received == sent)
  }

  @Test func `may leave input for later and stop its peer`() async throws {
    /// Takes ten octets a call, and only while it is allowed to.
    struct Slow: ConnectionHandler {
      var taken = 0
      mutating func received(_ bytes: RawSpan, _ connection: inout ConnectionContext) -> Int {
        connection.resumeReading()
        let count = min(10, bytes.byteCount)
        taken += count
        return count
      }
      mutating func inputEnded(_ connection: inout ConnectionContext) {
        _ = connection.write(unsafe Array("\(taken)".utf8).span.bytes)
        connection.close()
      }
    }
    let answer = try await withHandler({ Slow() }) { stack in
      try await stack.connect(to: Two.endpoint(7)) { stream in
        try await stream.write(pattern(100_001))
        try await stream.finish()
        return String(decoding: try await readAll(stream), as: UTF8.self)
      }
    }
    #expect(answer == "100001")
  }

  @Test func `that writes when there is room fills the peer's window and no more`() async throws {
    /// Sends `total` octets as room comes, then closes.
    struct Source: ConnectionHandler {
      static let all = pattern(5_000_000)
      var left = 5_000_000
      mutating func opened(_ connection: inout ConnectionContext) { fill(&connection) }
      mutating func writable(_ connection: inout ConnectionContext) { fill(&connection) }
      mutating func received(_ bytes: RawSpan, _ connection: inout ConnectionContext) -> Int {
        bytes.byteCount
      }
      mutating func fill(_ connection: inout ConnectionContext) {
        while left > 0 {
          let rest = unsafe Self.all.span.bytes.extracting(last: left)
          let count = connection.write(rest)
          left -= count
          if count < rest.byteCount { return }
        }
        connection.close()
      }
    }
    let received = try await withHandler({ Source() }) { stack in
      try await stack.connect(to: Two.endpoint(7)) { try await readAll($0) }
    }
    #expect(received == pattern(5_000_000))
  }

  @Test func `aborts when it has returned, not before`() async throws {
    struct Aborting: ConnectionHandler {
      let log: Log<String>
      mutating func received(_ bytes: RawSpan, _ connection: inout ConnectionContext) -> Int {
        connection.abort()
        var sum = 0
        for index in 0..<bytes.byteCount { sum += Int(bytes.octet(at: index)) }
        log.note("sum \(sum)")
        return 0
      }
      mutating func closed(_ reason: TCPError?) { log.note("\(reason.map { "\($0)" } ?? "well")") }
    }
    let log = Log<String>()
    try await withHandler({ Aborting(log: log) }) { stack in
      let stream = try await stack.connect(to: Two.endpoint(7))
      try await stream.write([1, 2, 3])
      await #expect(throws: TCPError.resetByPeer) { try await stream.read() }
      stream.close()
    }
    #expect(log.all == ["sum 6", "connection aborted"])
  }

  @Test func `may be non-copyable, lies in place and is destroyed with its connection`()
    async throws
  {
    struct Owner: ConnectionHandler, ~Copyable {
      let log: Log<String>
      mutating func received(_ bytes: RawSpan, _ connection: inout ConnectionContext) -> Int {
        connection.write(bytes)
      }
      deinit { log.note("gone") }
    }
    let log = Log<String>()
    try await withHandler({ Owner(log: log) }) { stack in
      for _ in 0..<10 {
        try await stack.connect(to: Two.endpoint(7)) { stream in
          try await stream.write([1])
          try await stream.finish()
          #expect(try await readAll(stream) == [1])
        }
      }
    }
    #expect(log.all == Array(repeating: "gone", count: 10))
  }

  @Test func `may ask the stack anything while it is called`() async throws {
    struct Asking: ConnectionHandler {
      let stack: TCPStack
      mutating func received(_ bytes: RawSpan, _ connection: inout ConnectionContext) -> Int {
        let states = stack.snapshots().map(\.state)
        let text =
          "\(stack.connectionCount) \(states.contains(.listen)) \(states.contains(.established))"
        _ = connection.write(unsafe Array(text.utf8).span.bytes)
        connection.finish()
        return bytes.byteCount
      }
    }
    let answer = try await Two.run { stack, _ in
      try stack.serve(port: 7) { Asking(stack: stack) }
    } _: { stack in
      try await stack.connect(to: Two.endpoint(7)) { stream in
        try await stream.write([1])
        let answer = String(decoding: try await readAll(stream), as: UTF8.self)
        return answer
      }
    }
    #expect(answer == "1 true true")
  }

  @Test func `serves thousands of connections at once`() async throws {
    let count = 2_000
    let sum = try await withHandler({ Echo() }) { stack in
      var streams: [TCPStream] = []
      for number in 0..<count {
        let stream = try await stack.connect(to: Two.endpoint(7))
        try await stream.write(pattern(64, from: number))
        streams.append(stream)
      }
      var sum = 0
      for (number, stream) in streams.enumerated() {
        try await stream.finish()
        sum += try await readAll(stream) == pattern(64, from: number) ? 1 : 0
        stream.close()
      }
      return sum
    }
    #expect(sum == count)
  }
}

@Suite struct `A listener` {
  @Test func `that is closed refuses new connections and keeps the old`() async throws {
    try await Two.run { stack, start in
      let listener = try stack.serve(port: 7) { Echo() }
      let other = try await stack.listen(port: 8)
      start {
        try await other.serve { stream in
          _ = try await stream.read()
          listener.close()
          try await stream.write([1])
        }
      }
    } _: { stack in
      try await stack.connect(to: Two.endpoint(7)) { old in
        try await old.write([1])
        #expect(try await old.read()?.array == [1])
        try await stack.connect(to: Two.endpoint(8)) { control in
          try await control.write([0])
          _ = try await control.read()
        }
        await #expect(throws: TCPError.connectionRefused) {
          try await stack.connect(to: Two.endpoint(7))
        }
        try await old.write([2])
        #expect(try await old.read()?.array == [2])
      }
    }
  }

  @Test func `cannot have the port of another`() async throws {
    try await Two.run { stack, _ in
      try stack.serve(port: 7) { Echo() }
      #expect(throws: TCPError.addressInUse) { try stack.serve(port: 7) { Echo() } }
      await #expect(throws: TCPError.addressInUse) { try await stack.listen(port: 7) }
      try stack.serve(port: 8) { Echo() }.close()
      try stack.serve(port: 8) { Echo() }
    } _: { _ in
    }
  }
}

@Suite struct `The loop's watch` {
  @Test func `names the handler that held the loop`() async throws {
    struct Dawdling: ConnectionHandler {
      mutating func opened(_ connection: inout ConnectionContext) {
        _ = connection.write(unsafe [UInt8]([0]).span.bytes)
      }
      mutating func received(_ bytes: RawSpan, _ connection: inout ConnectionContext) -> Int {
        busyWait(.milliseconds(150))
        return connection.write(bytes)
      }
    }
    let events = Log<RuntimeEvent>()
    try await withHandler(log: { events.note($0) }, { Dawdling() }) { stack in
      try await stack.connect(to: Two.endpoint(7)) { stream in
        _ = try await stream.read()  // so that the next call is about octets alone
        try await stream.write([1])
        _ = try await stream.read()
      }
    }
    let held = events.all.compactMap { event -> (LoopHolder, Interval)? in
      if case .loopHeld(let holder, let time) = event { (holder, time) } else { nil }
    }
    // On a busy machine others are reported as well.
    let isNamed = held.contains { holder, _ in
      if case .handler("Dawdling", "received", .some, let remote) = holder {
        remote?.address == .v4(Two.client.address)
      } else {
        false
      }
    }
    #expect(isNamed, "\(events.all.map(\.description))")
    #expect(held.allSatisfy { $0.1 > .milliseconds(100) })
  }

  @Test func `names the connection whose task held the loop`() async throws {
    let events = Log<RuntimeEvent>()
    try await Two.run(log: { events.note($0) }) { stack, start in
      let listener = try await stack.listen(port: 7)
      start {
        try await listener.serve { stream in
          let bytes = try await stream.read()
          busyWait(.milliseconds(150))
          if let bytes { try await stream.write(bytes) }
        }
      }
    } _: { stack in
      try await stack.connect(to: Two.endpoint(7)) { stream in
        try await stream.write([1])
        _ = try await stream.read()
      }
    }
    let remotes = events.all.compactMap { event -> Endpoint? in
      if case .loopHeld(.job(.some, let remote), _) = event { remote } else { nil }
    }
    #expect(remotes.contains { $0.address == .v4(Two.client.address) })
  }
}

/// Holds the thread, as a program should not.
private func busyWait(_ time: Interval) {
  let end = MonotonicClock.now + time
  while MonotonicClock.now < end {}
}
