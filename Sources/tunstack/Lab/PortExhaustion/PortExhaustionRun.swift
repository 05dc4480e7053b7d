// Runs the port-exhaustion lab: a client with few ports that opens connection after connection to one server
// and closes each first. Once as our stack, once as the kernel's TCP, for a value of tcp_tw_reuse.

import Glibc
import UserTCPRuntime

struct PortExhaustionRun: Sendable {
  private static let near: InterfaceAddress = "192.0.2.2/24"
  private static let far: InterfaceAddress = "192.0.2.1/24"
  private static let firstPort: UInt16 = 40_000
  /// TIME_WAIT must be older than a second to be taken over, in some kernels two ticks of one.
  static let pause = 1.5

  /// What one try after the other came to.
  struct Tries: Sendable, Equatable {
    var connected = 0
    /// The first refusal, in words.
    var refusal: String?
  }

  /// Before the pause and after it.
  struct Outcome: Sendable, Equatable {
    var first: Tries
    var later: Tries
  }

  var ports: Int
  var reuse: TimeWaitReuse
  /// Twice as many as can succeed at first.
  private var attempts: Int { ports * 2 }
  private var portRange: ClosedRange<UInt16> {
    Self.firstPort...(Self.firstPort + UInt16(ports) - 1)
  }

  func ours() async throws -> Outcome {
    let namespace = try await NetworkNamespace.make()
    let device = try await namespace.openTun(Self.near)
    let http = try await KernelServer.start(in: namespace)
    defer { withExtendedLifetime(http) {} }
    var settings = StackSettings()
    settings.localPorts = portRange
    settings.timeWaitReuse = reuse
    return try await TCPStack.run(
      device: .device(device), address: Self.near, settings: settings
    ) { stack in
      let first = await connectAgainAndAgain(attempts, stack)
      try await Task.sleep(for: .seconds(Self.pause))
      return Outcome(first: first, later: await connectAgainAndAgain(ports, stack))
    }
  }

  private func connectAgainAndAgain(_ count: Int, _ stack: TCPStack) async -> Tries {
    var tries = Tries()
    for _ in 0..<count {
      do throws(TCPError) {
        try await visit(stack)
        tries.connected += 1
      } catch {
        tries.refusal = tries.refusal ?? "\(error)"
      }
    }
    return tries
  }

  /// One request; this end closes first, so the TIME_WAIT is ours.
  private func visit(_ stack: TCPStack) async throws(TCPError) {
    let stream = try await stack.connect(to: Endpoint(Self.far.address, Workload.port))
    defer { stream.close() }
    try await stream.write(Workload.request(closing: false))
    var answer: [UInt8] = []
    while !answer.suffix(Workload.answerEnd.count).elementsEqual(Workload.answerEnd) {
      guard let chunk = try await stream.read() else { throw .resetByPeer }
      answer += chunk.array
    }
  }

  func kernel() async throws -> Outcome {
    let client = try await NetworkNamespace.make()
    let server = try await NetworkNamespace.make()
    try await client.connect(to: server, own: Self.near, others: Self.far)
    try await client.setSysctl(
      "ip_local_port_range", to: "\(portRange.lowerBound) \(portRange.upperBound)")
    try await client.setSysctl("tcp_tw_reuse", to: "\(reuse.rawValue)")
    let http = try await KernelServer.start(in: server)
    defer { withExtendedLifetime(http) {} }
    let first = await kernelTries(attempts, in: client)
    try await Task.sleep(for: .seconds(Self.pause))
    return Outcome(first: first, later: await kernelTries(ports, in: client))
  }

  private func kernelTries(_ count: Int, in client: NetworkNamespace) async -> Tries {
    let workload = Workload(connections: count, keptOpen: 0, parallel: 1, closer: .client)
    let result = await client.run {
      WorkloadClients.run(workload, against: Endpoint(Self.far.address, Workload.port))
    }
    let refusal = result.failures.keys.first.map { unsafe String(cString: strerror($0)) }
    return Tries(connected: result.served, refusal: refusal)
  }
}

extension PortExhaustionRun.Outcome {
  /// The counts are the same but for a few that a slow machine opens after the second has passed.
  func agrees(with other: Self) -> Bool {
    abs(first.connected - other.first.connected) <= 5
      && abs(later.connected - other.later.connected) <= 5
  }
}
