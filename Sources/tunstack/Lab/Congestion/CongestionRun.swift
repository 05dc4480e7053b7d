// The runs of the congestion lab, one after the other: each makes two namespaces, a link between them, and one
// connection. Kernel to kernel:
//
//   left: client - wire0 === link === wire0 - right: server
//
// With our stack on the right the kernel there is its router, with a TUN device of ours behind it, as for any
// `tunstack serve`. That adds a forwarding step, no queue that could fill: both devices take 4,096 packets.

import UserTCPRuntime
import UserTCPSimulation

/// Who sends to whom.
enum CongestionPair: String, Sendable, CaseIterable {
  case kernelToKernel = "kernel to kernel"
  case kernelToOurs = "kernel to ours"
  case oursToKernel = "ours to kernel"
}

struct CongestionSample: Sendable {
  var pair: CongestionPair
  /// Which of the plan's links.
  var link: Int
  var run: Int
  var seconds: Int
  /// That the receiving program has read.
  var octets: Int
  /// Of the sender.
  var timeouts: Int
  var retransmissions: Int
  /// What the link did to the data.
  var tally: LinkTally

  var goodput: Double { Double(octets) * 8 / Double(seconds) / 1e6 }
  /// Packets that did not arrive, of bad luck and of congestion.
  var losses: Int { tally.link.lost + tally.link.overflowed }
}

struct CongestionRun: Sendable {
  private static let left: InterfaceAddress = "198.51.100.1/24"
  private static let right: InterfaceAddress = "198.51.100.2/24"
  private static let ours: InterfaceAddress = "192.0.2.2/24"
  private static let wire = "wire0"

  var plan: CongestionPlan

  /// All runs, so ordered that what slows this machine for a while slows all of them.
  func all(_ each: (CongestionSample) -> Void) async throws -> [CongestionSample] {
    var samples: [CongestionSample] = []
    for run in 1...plan.runs {
      for link in plan.links.indices {
        for pair in CongestionPair.allCases {
          let sample = try await measure(pair, link, run)
          each(sample)
          samples.append(sample)
        }
      }
    }
    return samples
  }

  private func measure(
    _ pair: CongestionPair, _ link: Int, _ run: Int
  ) async throws -> CongestionSample {
    let left = try await NetworkNamespace.make()
    let right = try await NetworkNamespace.make()
    let ends = (try await openWire(in: left), try await openWire(in: right))
    var luck = plan.links[link]
    luck.seed &+= UInt64(run)  // the same for all pairs
    let relay = try RunningRelay(
      from: pair == .oursToKernel ? ends.1 : ends.0, to: pair == .oursToKernel ? ends.0 : ends.1,
      luck)
    try await bringUp(Self.left, in: left)
    try await bringUp(Self.right, in: right)
    var sample = CongestionSample(
      pair: pair, link: link, run: run, seconds: plan.seconds, octets: 0, timeouts: 0,
      retransmissions: 0, tally: LinkTally())
    switch pair {
    case .kernelToKernel: try await kernelAlone(left, right, &sample)
    case .kernelToOurs, .oursToKernel: try await withOurs(left, right, &sample)
    }
    sample.tally = try await relay.stop()[0]
    return sample
  }

  // MARK: The two ends

  private func kernelAlone(
    _ left: NetworkNamespace, _ right: NetworkNamespace, _ sample: inout CongestionSample
  ) async throws {
    let sink = try await KernelSink.start(in: right)
    let seconds = Double(plan.seconds)
    let code = await left.run {
      BulkClient.send(to: Endpoint(Self.right.address, KernelSink.port), seconds: seconds)
    }
    sample.octets = sink.received.value
    try check(code)
    (sample.timeouts, sample.retransmissions) = try await left.kernelRetransmissions()
  }

  private func withOurs(
    _ left: NetworkNamespace, _ right: NetworkNamespace, _ sample: inout CongestionSample
  ) async throws {
    try await right.setSysctl("ip_forward", to: "1")
    let device = try await right.openTun(Self.ours)
    try await left.ip(
      "route", "add", "192.0.2.0/24", "via", "\(Self.right.address)", "congctl", "cubic")
    let (seconds, pair) = (Double(plan.seconds), sample.pair)
    let (octets, code, counters) = try await TCPStack.run(
      device: .device(device), address: Self.ours, settings: plan.settings
    ) { stack in
      let received = OctetCount()
      try stack.serve(port: KernelSink.port) { CountingHandler(received: received) }
      try stack.serve(port: Self.chargenPort) { ChargenHandler() }
      let code = await left.run {
        pair == .kernelToOurs
          ? BulkClient.send(to: Endpoint(Self.ours.address, KernelSink.port), seconds: seconds)
          : BulkClient.receive(
            from: Endpoint(Self.ours.address, Self.chargenPort), seconds: seconds, received)
      }
      return (received.value, code, try await stack.overview().counters.tcp)
    }
    try check(code)
    sample.octets = octets
    if pair == .kernelToOurs {
      (sample.timeouts, sample.retransmissions) = try await left.kernelRetransmissions()
    } else {
      sample.timeouts = Int(counters.timeouts)
      sample.retransmissions = Int(counters.retransmissions)
    }
  }

  private static let chargenPort: Port = 19

  private func check(_ code: Int32) throws(Failure) {
    guard code != 0 else { return }
    throw Failure(
      .system,
      "the connection broke: \(StreamError(code: code).text); this is a mistake in tunstack")
  }

  // MARK: The wire

  private func openWire(in namespace: NetworkNamespace) async throws(Failure) -> TunDevice {
    do throws(DeviceError) {
      return try await namespace.run { () throws(DeviceError) in
        try TunDevice.openWireEnd(Self.wire)
      }
    } catch {
      throw Failure(error)
    }
  }

  /// With CUBIC for whatever goes this way, wherever the machine's own default is.
  private func bringUp(
    _ address: InterfaceAddress, in namespace: NetworkNamespace
  ) async throws(Failure) {
    try await namespace.ip("address", "add", "\(address)", "dev", Self.wire)
    try await namespace.ip("link", "set", Self.wire, "up")
    try await namespace.ip(
      "route", "replace", "198.51.100.0/24", "dev", Self.wire, "src", "\(address.address)",
      "congctl", "cubic")
  }
}

/// A relay on a thread of its own.
private struct RunningRelay {
  private let bell: Bell
  private let result: Task<Result<[LinkTally], DeviceError>, Never>

  init(from first: TunDevice, to second: TunDevice, _ plan: LinkPlan) throws(Failure) {
    let bell = try Bell()
    self.bell = bell
    result = Task {
      await BackgroundThread.run {
        let relay = LinkRelay(from: first, to: second, plan, until: bell)
        do throws(DeviceError) { return .success(try relay.run()) } catch { return .failure(error) }
      }
    }
  }

  func stop() async throws(Failure) -> [LinkTally] {
    bell.ring()
    do throws(DeviceError) { return try await result.value.get() } catch { throw Failure(error) }
  }
}

/// Counts what comes.
private struct CountingHandler: ConnectionHandler {
  let received: OctetCount

  mutating func received(_ octets: RawSpan, _ connection: inout ConnectionContext) -> Int {
    received.add(octets.byteCount)
    return octets.byteCount
  }
}
