// Runs the syn-flood lab once: our stack under a flood, real clients of the kernel that connect meanwhile, and
// the stack's numbers while it lasts.

import Glibc
import UserTCPRuntime

struct SYNFloodRun: Sendable {
  private static let server: InterfaceAddress = "192.0.2.2/24"
  /// A client that has waited so long counts as turned away.
  static let patience = 10

  var mode: SYNCookieMode
  var packets: Int
  var perSecond: Int
  var clients: Int

  struct Outcome: Sendable {
    var flood = SYNFlood.Result()
    var clients = WorkloadResult()
    /// The most half-open connections seen at a time.
    var halfOpen = 0
    var cookiesSent: UInt64 = 0
    var cookiesReceived: UInt64 = 0
    /// SYNs that were neither remembered nor answered (ListenDrops).
    var synsDropped: UInt64 = 0
    /// Packets that found the device's queue full.
    var deviceDropped = 0
    /// Growth of the process's resident memory, in KiB.
    var memoryGrowth = 0
  }

  func run() async throws -> Outcome {
    let namespace = try await NetworkNamespace.make()
    let device = try await namespace.openTun(Self.server)
    var settings = StackSettings()
    settings.synCookies = mode
    return try await TCPStack.run(
      device: .device(device), address: Self.server, settings: settings
    ) { stack in
      try stack.serve(port: Workload.port) { HTTPHandler() }
      return try await attack(stack, in: namespace)
    }
  }

  private func attack(_ stack: TCPStack, in namespace: NetworkNamespace) async throws -> Outcome {
    let target = Endpoint(Self.server.address, Workload.port)
    let flood = SYNFlood(target: target, count: packets, perSecond: perSecond)
    let workload = Workload(
      connections: clients, keptOpen: 0, parallel: clients, secondsAllowed: Self.patience,
      secondsPerConnection: Self.patience)
    let memory = ResidentMemory.kibibytes
    async let sent = namespace.run { () throws(Failure) in try flood.send() }
    // Clients come when the queue has long been full, and while the flood still runs.
    try await Task.sleep(for: .milliseconds(min(500, packets * 250 / perSecond)))
    async let served = namespace.run { WorkloadClients.run(workload, against: target) }
    let watcher = Task { try await watch(stack) }
    var outcome = Outcome()
    outcome.clients = await served
    outcome.flood = try await sent
    watcher.cancel()
    let peak = try await watcher.value
    let counters = try await stack.overview().counters.tcp
    outcome.halfOpen = peak.halfOpen
    outcome.memoryGrowth = max(0, peak.memory - memory)
    outcome.cookiesSent = counters.synCookiesSent
    outcome.cookiesReceived = counters.synCookiesReceived
    outcome.synsDropped = counters.listenDrops
    outcome.deviceDropped = try await namespace.droppedOutput(of: "tun0")
    return outcome
  }

  /// Looks twenty times a second until it is cancelled.
  private func watch(_ stack: TCPStack) async throws -> (halfOpen: Int, memory: Int) {
    var peak = (halfOpen: 0, memory: 0)
    repeat {
      peak.halfOpen = max(peak.halfOpen, try await stack.overview().states[.synReceived])
      peak.memory = max(peak.memory, ResidentMemory.kibibytes)
      try? await Task.sleep(for: .milliseconds(50))
    } while !Task.isCancelled
    return peak
  }
}

enum ResidentMemory {
  /// VmRSS of /proc/self/status (proc_pid_status(5)); 0 when it cannot be read.
  static var kibibytes: Int {
    let text = (try? TextFile.read("/proc/self/status")) ?? ""
    for line in text.split(separator: "\n") where line.hasPrefix("VmRSS:") {
      return Int(line.split(whereSeparator: \.isWhitespace)[1]) ?? 0
    }
    return 0
  }
}
