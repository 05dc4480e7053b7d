// The four services over real TCP, both ends in this process: by handlers and by streams, with the
// same results. A cable in memory takes the place of the TUN.

import Testing
import UserTCPRuntime

@testable import tunstack

enum Way: CaseIterable { case handlers, streams }

@Suite(.timeLimit(.minutes(1))) struct ServiceTests {
  /// Runs `body` with a stack at 192.0.2.1 while a stack at 192.0.2.2 serves everything.
  private static func withServices(
    _ way: Way, _ body: @escaping @Sendable (TCPStack) async throws -> Void
  ) async throws {
    let (near, far) = try MemoryDevice.pair()
    try await TCPStack.run(device: .device(far), address: "192.0.2.2/24") { server in
      try await withThrowingTaskGroup { group in
        for service in Service.allCases {
          switch way {
          case .handlers: try service.serve(on: service.wellKnownPort, of: server)
          case .streams:
            let listener = try await service.listen(on: service.wellKnownPort, of: server)
            group.addTask { try? await service.serve(listener, of: server) }
          }
        }
        try await TCPStack.run(device: .device(near), address: "192.0.2.1/24", body)
        group.cancelAll()
      }
    }
  }

  private static func endpoint(_ service: Service) -> Endpoint {
    Endpoint(IPv4Address(192, 0, 2, 2), service.wellKnownPort)
  }

  private static let pattern = (0..<1_000_000).map {
    UInt8(truncatingIfNeeded: $0 &* 2_654_435_761 >> 8)
  }

  /// Everything up to the other side's FIN.
  private static func readAll(_ stream: TCPStream) async throws -> [UInt8] {
    var octets: [UInt8] = []
    for try await chunk in stream.inbound { octets += chunk.array }
    return octets
  }

  /// Sends `request`, half-closes, and returns what comes until the server closes.
  private static func exchange(
    _ client: TCPStack, _ service: Service, _ request: [UInt8]
  ) async throws -> [UInt8] {
    let stream = try await client.connect(to: endpoint(service))
    async let answer = readAll(stream)
    try await stream.write(request)
    try await stream.finish()
    let octets = try await answer
    stream.close()
    return octets
  }

  @Test(arguments: Way.allCases) func `echo returns a megabyte and then the FIN`(
    _ way: Way
  ) async throws {
    try await Self.withServices(way) { client in
      let answer = try await Self.exchange(client, .echo, Self.pattern)
      #expect(answer == Self.pattern)
    }
  }

  @Test(arguments: Way.allCases) func `discard takes a megabyte and answers nothing`(
    _ way: Way
  ) async throws {
    try await Self.withServices(way) { client in
      let answer = try await Self.exchange(client, .discard, Self.pattern)
      #expect(answer.isEmpty)
    }
  }

  @Test(arguments: Way.allCases) func `chargen sends its lines until the client is gone`(
    _ way: Way
  ) async throws {
    try await Self.withServices(way) { client in
      let stream = try await client.connect(to: Self.endpoint(.chargen))
      var octets: [UInt8] = []
      while octets.count < 300_000, let chunk = try await stream.read() { octets += chunk.array }
      stream.abort()
      #expect(octets.count >= 300_000)
      let period = ChargenPattern.period
      for start in stride(from: 0, to: octets.count, by: period) {
        let part = octets[start..<min(start + period, octets.count)]
        #expect(part.elementsEqual(ChargenPattern.octets.prefix(part.count)), "at \(start)")
      }
    }
  }

  @Test(arguments: Way.allCases) func `http answers a pipeline and closes when it is asked to`(
    _ way: Way
  ) async throws {
    let request = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n"
    let last = "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    let input = Array((String(repeating: request, count: 50) + last).utf8)
    let expected = Dialogue.answer(to: input).output
    try await Self.withServices(way) { client in
      let stream = try await client.connect(to: Self.endpoint(.http))
      try await stream.write(input)
      // Not half-closed: the server is first to close.
      let answer = String(decoding: try await Self.readAll(stream), as: UTF8.self)
      #expect(answer == expected)
      stream.close()
    }
  }

  @Test(arguments: Way.allCases) func `http echoes an upload while it comes in`(
    _ way: Way
  ) async throws {
    let head = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: \(Self.pattern.count)\r\n\r\n"
    try await Self.withServices(way) { client in
      let answer = try await Self.exchange(client, .http, Array(head.utf8) + Self.pattern)
      #expect(answer.suffix(Self.pattern.count).elementsEqual(Self.pattern))
      #expect(answer.starts(with: "HTTP/1.1 200 OK\r\n".utf8))
    }
  }

  @Test(arguments: Way.allCases) func `a refusal reaches a client that is still uploading`(
    _ way: Way
  ) async throws {
    let head = "PUT /hello HTTP/1.1\r\nHost: h\r\nContent-Length: 100000000\r\n\r\n"
    try await Self.withServices(way) { client in
      let stream = try await client.connect(to: Self.endpoint(.http))
      try await stream.write(Array(head.utf8) + Self.pattern)
      let answer = String(decoding: try await Self.readAll(stream), as: UTF8.self)
      #expect(answer.hasPrefix("HTTP/1.1 405 "))
      stream.close()
    }
  }

  @Test(arguments: Way.allCases) func `the status page lists the connection that asks`(
    _ way: Way
  ) async throws {
    let request = "GET /status HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
    try await Self.withServices(way) { client in
      let stream = try await client.connect(to: Self.endpoint(.http))
      try await stream.write(Array(request.utf8))
      let answer = String(decoding: try await Self.readAll(stream), as: UTF8.self)
      #expect(answer.contains("\"state\": \"ESTABLISHED\", \"local\": \"192.0.2.2:80\""))
      #expect(answer.contains("{\"state\": \"LISTEN\""))
      #expect(answer.contains("\"segmentsIn\": "))
      stream.close()
    }
  }
}
