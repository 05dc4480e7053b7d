import Testing

@testable import UserTCP
@testable import UserTCPRuntime

/// A server on port 7 that answers through a stream.
private func echoServer(_ stack: TCPStack, _ start: TaskGroup<Void>.Starter) async throws {
  let listener = try await stack.listen(port: 7)
  start {
    try await listener.serve { stream in
      for try await bytes in stream.inbound { try await stream.write(bytes) }
    }
  }
}

@Suite struct `A stream` {
  @Test func `carries octets there and back`() async throws {
    let answer = try await Two.run(server: echoServer) { stack in
      #expect(stack.loop.isCurrent)
      let stream = try await stack.connect(to: Two.endpoint(7))
      #expect(stream.remote == Two.endpoint(7))
      #expect(stream.local.address == .v4(Two.client.address))
      try await stream.write([1, 2, 3])
      let first = try await stream.read()
      try await stream.finish()
      #expect(try await stream.read() == nil)
      stream.close()
      return first?.array
    }
    #expect(answer == [1, 2, 3])
  }

  @Test(arguments: [OffloadCapabilities.all, .none])
  func `carries megabytes both ways at once`(_ offloads: OffloadCapabilities) async throws {
    let sent = pattern(4 << 20)
    let received = try await Two.run(offloads: offloads, server: echoServer) { stack in
      try await stack.connect(to: Two.endpoint(7)) { stream in
        async let answer = readAll(stream)
        try await stream.write(sent)
        try await stream.finish()
        return try await answer
      }
    }
    #expect(received == sent)
  }

  @Test func `ends its writing and goes on reading`() async throws {
    try await Two.run { stack, start in
      let listener = try await stack.listen(port: 7)
      start {
        try await listener.serve { stream in
          let question = try await readAll(stream)  // to the client's FIN
          try await stream.write(Array(question.reversed()))
        }
      }
    } _: { stack in
      let stream = try await stack.connect(to: Two.endpoint(7))
      try await stream.write([1, 2, 3])
      try await stream.finish()
      #expect(try await readAll(stream) == [3, 2, 1])
      await #expect(throws: TCPError.closed) { try await stream.write([4]) }
      stream.close()
      await #expect(throws: TCPError.closed) { try await stream.read() }
    }
  }

  @Test func `makes its writer wait while the reader does not read`() async throws {
    let total = 16 << 20
    let written = Counter()
    let readerMayStart = Gate()
    let received = try await Two.run { stack, start in
      try stack.serve(port: 7) { Echo() }
      let listener = try await stack.listen(port: 9)
      start {
        try await listener.serve { stream in
          await readerMayStart.wait()
          var count = 0
          for try await bytes in stream.inbound { count += bytes.count }
          try await stream.write(Array("\(count)".utf8))
        }
      }
    } _: { stack in
      try await stack.connect(to: Two.endpoint(9)) { stream in
        async let writer: Void = {
          let chunk = [UInt8](repeating: 1, count: 64 << 10)
          while written.value < total {
            try await stream.write(chunk)
            written.add(chunk.count)
          }
          try await stream.finish()
        }()
        // Time enough for all of it, if nothing held the writer back.
        try await stack.connect(to: Two.endpoint(7)) { other in
          for _ in 0..<500 {
            try await other.write([1])
            _ = try await other.read()
          }
        }
        #expect(written.value <= 4 << 20, "more than the buffers of both ends")
        readerMayStart.open()
        try await writer
        return String(decoding: try await readAll(stream), as: UTF8.self)
      }
    }
    #expect(received == "\(total)")
  }

  @Test func `reads into the caller's memory and lends its own`() async throws {
    try await Two.run(server: echoServer) { stack in
      try await stack.connect(to: Two.endpoint(7)) { stream in
        try await stream.write([1, 2, 3, 4, 5])
        var mine = [UInt8]()
        while mine.count < 2 {
          // Two octets looked at, one taken.
          let first = try await stream.withReadableBytes { bytes throws(TCPError) in
            (result: bytes.octet(at: 0), consumed: 1)
          }
          mine.append(try #require(first))
        }
        #expect(mine == [1, 2])
        let rest = unsafe try await withBuffer(3) { buffer in
          var output = unsafe OutputRawSpan(buffer: buffer, initializedCount: 0)
          while output.freeCapacity > 0 { _ = try await stream.read(into: &output) }
          _ = unsafe output.finalize(for: buffer)
        }
        #expect(rest == [3, 4, 5])
      }
    }
  }

  @Test func `is reset when it is closed inside a look at its octets, after the look`() async throws
  {
    let ended = Log<TCPError?>()
    try await Two.run { stack, start in
      let listener = try await stack.listen(port: 7)
      start {
        try await listener.serve { stream in
          let sum = try await stream.withReadableBytes { bytes throws(TCPError) in
            stream.abort()
            var sum = 0
            for index in 0..<bytes.byteCount { sum += Int(bytes.octet(at: index)) }
            return (result: sum, consumed: 0)
          }
          #expect(sum == 6)
          do { _ = try await stream.read() } catch { ended.note(error as? TCPError) }
        }
      }
    } _: { stack in
      let stream = try await stack.connect(to: Two.endpoint(7))
      try await stream.write([1, 2, 3])
      await #expect(throws: TCPError.resetByPeer) { try await stream.read() }
      stream.close()
    }
    #expect(ended.all == [.closed])
  }

  @Test func `works from a task that is not on the loop`() async throws {
    try await Two.run(server: echoServer) { stack in
      try await Task.detached {
        #expect(!stack.loop.isCurrent)
        let stream = try await stack.connect(to: Two.endpoint(7))
        try await stream.write([1, 2, 3, 4])
        var got: [UInt8] = []
        while got.count < 4 { got += try #require(try await stream.read()).array }
        #expect(got == [1, 2, 3, 4])
        #expect(!stack.loop.isCurrent)

        try await stream.write(unsafe got.span.bytes)
        let lent = try await stream.withReadableBytes { bytes throws(TCPError) in
          (result: bytes.octet(at: 0), consumed: 1)
        }
        #expect(lent == 1)
        let rest = unsafe try await withBuffer(3) { buffer in
          var output = unsafe OutputRawSpan(buffer: buffer, initializedCount: 0)
          while output.freeCapacity > 0 { _ = try await stream.read(into: &output) }
          _ = unsafe output.finalize(for: buffer)
        }
        #expect(rest == [2, 3, 4])
        #expect(await stream.snapshot?.state == .established)
        try await stream.finish()
        for try await _ in stream.inbound {}
        stream.close()
      }.value
    }
  }
}

@Suite struct `A handler of streams` {
  @Test func `that throws resets its connection and is reported`() async throws {
    struct Mistake: Error {}
    let events = Log<String>()
    try await Two.run(log: { events.note("\($0)") }) { stack, start in
      let listener = try await stack.listen(port: 7)
      start {
        try await listener.serve { stream in
          _ = try await stream.read()
          throw Mistake()
        }
      }
    } _: { stack in
      let stream = try await stack.connect(to: Two.endpoint(7))
      try await stream.write([1])
      await #expect(throws: TCPError.resetByPeer) { try await stream.read() }
      stream.close()
      // The server goes on.
      let other = try await stack.connect(to: Two.endpoint(7))
      try await other.write([1])
      await #expect(throws: TCPError.resetByPeer) { try await other.read() }
      other.close()
    }
    #expect(events.all.filter { $0.contains("Mistake") && $0.contains("on port 7") }.count == 2)
  }

  @Test func `that returns early still gets its answer to a client that sends on`() async throws {
    let answer = try await Two.run { stack, start in
      let listener = try await stack.listen(port: 80)
      start {
        try await listener.serve { stream in try await stream.write(Array("too long".utf8)) }
      }
    } _: { stack in
      try await stack.connect(to: Two.endpoint(80)) { stream in
        // More than both buffers hold: it only ends because the server reads and discards.
        let chunk = [UInt8](repeating: 7, count: 64 << 10)
        for _ in 0..<100 { try await stream.write(chunk) }
        try await stream.finish()
        return String(decoding: try await readAll(stream), as: UTF8.self)
      }
    }
    #expect(answer == "too long")
  }

  @Test func `that is cancelled while it waits resets its connection`() async throws {
    let outcomes = Log<String>()
    let accepted = Gate()
    let (near, far) = try MemoryDevice.pair()
    try await TCPStack.run(device: .device(far), address: Two.server) { stack in
      let listener = try await stack.listen(port: 7)
      let server = Task(executorPreference: stack.loop) {
        do {
          try await listener.serve { stream in
            accepted.open()
            do { _ = try await stream.read() } catch {
              outcomes.note("handler \(error)")
              throw error
            }
          }
        } catch { outcomes.note("serve \(error)") }
      }
      try await TCPStack.run(device: .device(near), address: Two.client) { client in
        let stream = try await client.connect(to: Two.endpoint(7))
        await accepted.wait()
        server.cancel()
        await #expect(throws: TCPError.resetByPeer) { try await stream.read() }
        stream.close()
        await server.value
        // Nobody listens any more.
        await #expect(throws: TCPError.connectionRefused) {
          try await client.connect(to: Two.endpoint(7))
        }
      }
    }
    #expect(outcomes.all == ["handler cancelled", "serve cancelled"])
  }

  @Test func `may lose a race against another task and read on`() async throws {
    try await Two.run { stack, start in
      let listener = try await stack.listen(port: 7)
      start {
        try await listener.serve { stream in
          await withTaskGroup { group in
            group.addTask {
              _ = await #expect(throws: TCPError.cancelled) { try await stream.read() }
            }
            group.addTask {}
            await group.next()
            group.cancelAll()
          }
          try await stream.write([9])
          let bytes = try await stream.read()
          #expect(bytes?.array == [8])
        }
      }
    } _: { stack in
      try await stack.connect(to: Two.endpoint(7)) { stream in
        #expect(try await stream.read()?.array == [9])
        try await stream.write([8])
        #expect(try await stream.read() == nil)
      }
    }
  }

  @Test func `is run for each of thousands of connections`() async throws {
    let count = 1_000
    var settings = StackSettings()
    settings.timeWaitInterval = .milliseconds(10)
    let sum = try await Two.run(settings: settings, server: echoServer) { stack in
      try await withThrowingTaskGroup { group in
        for number in 0..<count {
          group.addTask(executorPreference: stack.loop) {
            try await stack.connect(to: Two.endpoint(7)) { stream in
              let question = pattern(100, from: number)
              try await stream.write(question)
              try await stream.finish()
              return try await readAll(stream) == question ? 1 : 0
            }
          }
        }
        return try await group.reduce(0, +)
      }
    }
    #expect(sum == count)
  }
}

@Suite struct `Connecting` {
  @Test func `to a port that nobody listens on is refused`() async throws {
    try await Two.run(server: { _, _ in }) { stack in
      await #expect(throws: TCPError.connectionRefused) {
        try await stack.connect(to: Two.endpoint(99))
      }
      #expect(stack.connectionCount == 0)
    }
  }

  @Test func `can be cancelled, and leaves nothing behind`() async throws {
    let (near, far) = try MemoryDevice.pair()
    try await TCPStack.run(device: .device(near), address: Two.client) { stack in
      // Nobody is at the other end of the cable.
      let attempt = Task(executorPreference: stack.loop) {
        try await stack.connect(to: Two.endpoint(7))
      }
      while stack.connectionCount == 0 { await Task.yield() }
      attempt.cancel()
      await #expect(throws: TCPError.cancelled) { try await attempt.value }
      #expect(stack.connectionCount == 0)
    }
    far.close()
  }

  @Test func `to the stack's own address stays inside`() async throws {
    let (near, far) = try MemoryDevice.pair()
    try await TCPStack.run(device: .device(near), address: Two.client) { stack in
      try stack.serve(port: 7) { Echo() }
      let stream = try await stack.connect(to: Endpoint(Two.client.address, 7))
      try await stream.write(pattern(100_000))
      try await stream.finish()
      #expect(try await readAll(stream) == pattern(100_000))
      stream.close()
    }
    var batch = IncomingBatch()
    try far.receive(into: &batch)
    #expect(batch.count == 0)
  }
}
