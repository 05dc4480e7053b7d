import Testing

@testable import UserTCP
@testable import UserTCPRuntime

@Suite struct `Shutting down` {
  @Test func `closes what handlers hold and returns when they are done`() async throws {
    let (near, far) = try MemoryDevice.pair()
    let listening = Gate()
    let opened = Gate()
    struct Opening: ConnectionHandler {
      let opened: Gate
      mutating func opened(_ connection: inout ConnectionContext) { opened.open() }
      mutating func received(_ bytes: RawSpan, _ connection: inout ConnectionContext) -> Int {
        bytes.byteCount
      }
    }
    try await TCPStack.run(device: .device(near), address: Two.client) { client in
      let ended = Task(executorPreference: client.loop) {
        await listening.wait()
        let stream = try await client.connect(to: Two.endpoint(7))
        #expect(try await stream.read() == nil)  // a FIN, not a reset
        stream.close()
        await #expect(throws: TCPError.connectionRefused) {
          try await client.connect(to: Two.endpoint(7))
        }
      }
      try await TCPStack.run(device: .device(far), address: Two.server) { stack in
        try stack.serve(port: 7) { Opening(opened: opened) }
        listening.open()
        await opened.wait()
        #expect(!stack.isShuttingDown)
        await stack.shutdown(grace: .seconds(600))
        #expect(stack.isShuttingDown)
        #expect(stack.connectionCount == 0)
        #expect(throws: TCPError.closed) { try stack.serve(port: 9) { Echo() } }
        await #expect(throws: TCPError.closed) { try await stack.connect(to: Two.endpoint(7)) }
        try await ended.value  // the stack still answers: with resets
      }
    }
  }

  @Test func `resets what is left when the grace is over, and lets serve return`() async throws {
    let (near, far) = try MemoryDevice.pair()
    let listening = Gate()
    let accepted = Gate()
    let log = Log<String>()
    try await TCPStack.run(device: .device(near), address: Two.client) { client in
      let ended = Task(executorPreference: client.loop) {
        await listening.wait()
        let stream = try await client.connect(to: Two.endpoint(7))
        await #expect(throws: TCPError.resetByPeer) { try await stream.read() }
        stream.close()
      }
      try await TCPStack.run(device: .device(far), address: Two.server) { stack in
        try await withThrowingTaskGroup { group in
          let listener = try await stack.listen(port: 7)
          listening.open()
          group.addTask {
            try await listener.serve { stream in
              accepted.open()
              do { _ = try await stream.read() } catch {
                log.note("\(error)")
                throw error
              }
            }
            log.note("served")
          }
          await accepted.wait()
          await stack.shutdown(grace: .zero)
          try await group.waitForAll()
        }
      }
      try await ended.value
    }
    #expect(log.all == ["connection closed", "served"])
  }

  @Test func `is what leaving does at once: peers learn of it`() async throws {
    let (near, far) = try MemoryDevice.pair()
    let listening = Gate()
    let opened = Gate()
    try await TCPStack.run(device: .device(near), address: Two.client) { client in
      let ended = Task(executorPreference: client.loop) {
        await listening.wait()
        let stream = try await client.connect(to: Two.endpoint(7))
        try await stream.write([1])
        _ = try await stream.read()
        opened.open()
        await #expect(throws: TCPError.resetByPeer) { try await stream.read() }
        stream.close()
      }
      try await TCPStack.run(device: .device(far), address: Two.server) { stack in
        try stack.serve(port: 7) { Echo() }
        listening.open()
        await opened.wait()
      }
      try await ended.value
    }
  }

  @Test func `leaves handles that fail, from any thread`() async throws {
    let (near, far) = try MemoryDevice.pair()
    let (stack, stream) = try await TCPStack.run(device: .device(near), address: Two.client) {
      stack in
      try stack.serve(port: 7) { Echo() }
      return (stack, try await stack.connect(to: Endpoint(Two.client.address, 7)))
    }
    await #expect(throws: TCPError.closed) { try await stream.read() }
    await #expect(throws: TCPError.closed) { try await stream.write([1]) }
    await #expect(throws: TCPError.closed) { try await stream.finish() }
    await #expect(throws: TCPError.closed) { try await stack.connect(to: Two.endpoint(7)) }
    await #expect(throws: TCPError.closed) { try await stack.listen(port: 7) }
    let snapshot = await stream.snapshot
    #expect(snapshot == nil)
    stream.close()
    stream.abort()
    await stack.shutdown(grace: .seconds(1))
    far.close()
  }
}

@Suite struct `Running a stack` {
  @Test func `throws what its body throws, and closes the device`() async throws {
    struct Mistake: Error {}
    let (near, far) = try MemoryDevice.pair(capacity: 1)
    await #expect(throws: Mistake.self) {
      try await TCPStack.run(device: .device(near), address: Two.client) { _ in throw Mistake() }
    }
    var batch = OutgoingBatch()
    for _ in 0..<3 { Frames.append(Frames.tcp(), .none, to: &batch) }
    #expect(try far.send(&batch))  // more than the cable holds: nobody is there
  }

  @Test func `ends with the device's error when the device fails`() async throws {
    let device = FailingDevice()
    let events = Log<String>()
    let reads = Log<TCPError?>()
    await #expect(throws: DeviceError.deleted(name: "tun9")) {
      try await TCPStack.run(
        device: .device(device), address: Two.client, log: { events.note("\($0)") }
      ) { stack in
        try stack.serve(port: 7) { Echo() }
        let stream = try await stack.connect(to: Endpoint(Two.client.address, 7))
        device.fail()
        stack.loop.wake()  // such a device has nothing to wait on
        do { _ = try await stream.read() } catch { reads.note(error as? TCPError) }
        while !Task.isCancelled { await Task.yield() }
      }
    }
    #expect(reads.all == [.closed] || reads.all == [.cancelled])
    #expect(events.all.ofDevice == ["tun9 was deleted while in use: start again"])
    #expect(device.isClosed)
  }

  @Test func `waits for an interface that is down and says so once`() async throws {
    let (near, far) = try MemoryDevice.pair()
    let device = DownDevice(near, failures: 3)
    let events = Log<String>()
    try await TCPStack.run(device: .device(far), address: Two.server) { server in
      try server.serve(port: 7) { Echo() }
      try await TCPStack.run(
        device: .device(device), address: Two.client, log: { events.note("\($0)") }
      ) { stack in
        let stream = try await stack.connect(to: Two.endpoint(7))
        try await stream.write([1])
        #expect(try await stream.read()?.array == [1])
        stream.close()
      }
    }
    #expect(events.all.ofDevice == ["the device is down", "the device is up again"])
  }

  @Test func `cancels its body when it is cancelled`() async throws {
    let (near, far) = try MemoryDevice.pair()
    let started = Gate()
    let task = Task {
      try await TCPStack.run(device: .device(near), address: Two.client) { stack in
        let listener = try await stack.listen(port: 7)
        started.open()
        try await listener.serve { _ in }
      }
    }
    await started.wait()
    task.cancel()
    await #expect(throws: TCPError.cancelled) { try await task.value }
    far.close()
  }
}

extension [String] {
  /// Without what a busy machine adds: that somebody held the loop.
  fileprivate var ofDevice: [String] { filter { !$0.contains("held the loop") } }
}
