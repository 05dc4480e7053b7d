// Runs the scenarios of the time-wait lab, each on our stack and on the kernel's TCP, each in namespaces of
// its own. The workloads come one after the other, so that none slows another; then all are watched
// at the same time, and the lab lasts hardly longer than one TIME_WAIT.

import UserTCPRuntime

struct TimeWaitRun: Sendable {
  private static let server: InterfaceAddress = "192.0.2.2/24"
  private static let client: InterfaceAddress = "192.0.2.1/24"

  var plan: TimeWaitPlan
  private let turnstile = Turnstile()

  init(_ plan: TimeWaitPlan) { self.plan = plan }

  /// All scenarios; the results in their order.
  func all() async throws -> [TimeWaitComparison] {
    try await withThrowingTaskGroup { group in
      for scenario in plan.scenarios {
        group.addTask { try await compare(scenario) }
      }
      var found: [TimeWaitComparison] = []
      for try await comparison in group { found.append(comparison) }
      return plan.scenarios.compactMap { scenario in found.first { $0.scenario == scenario } }
    }
  }

  private func compare(_ scenario: TimeWaitScenario) async throws -> TimeWaitComparison {
    async let ours = runOurs(scenario)
    async let kernel = plan.withKernel && scenario.kernelHasIt ? runKernel(scenario) : nil
    return try await TimeWaitComparison(scenario: scenario, ours: ours, kernel: kernel)
  }

  // MARK: Our stack

  private func runOurs(_ scenario: TimeWaitScenario) async throws -> TimeWaitRecord {
    let namespace = try await NetworkNamespace.make()
    try await makeRoom(in: namespace)
    if scenario == .recycle {
      // One clock for all connections, as hosts had when this knob was thought of. Linux gives each
      // its own offset now, which `recycleToday` leaves as it is.
      try await namespace.setSysctl("tcp_timestamps", to: "2")
    }
    let device = try await namespace.openTun(Self.server)
    let settings = try scenario.settings(connections: plan.connections)
    return try await TCPStack.run(
      device: .device(device), address: Self.server, settings: settings
    ) { stack in
      try stack.serve(port: Workload.port) { HTTPHandler() }
      let workload = await runWorkload(scenario, in: namespace)
      defer { workload.closeAll() }
      return try await watch(workload) {
        let overview = try await stack.overview()
        return TimeWaitRecord.Sample(
          server: overview.states,
          clientTimeWait: try await namespace.kernelStates()[.timeWait])
      }
    }
  }

  // MARK: The kernel's

  private func runKernel(_ scenario: TimeWaitScenario) async throws -> TimeWaitRecord {
    let client = try await NetworkNamespace.make()
    let server = try await NetworkNamespace.make()
    try await client.connect(to: server, own: Self.client, others: Self.server)
    for namespace in [client, server] { try await makeRoom(in: namespace) }
    if let knob = scenario.knob(connections: plan.connections) {
      try await server.setSysctl(knob.name, to: knob.value)
    }
    let http = try await KernelServer.start(in: server)
    let workload = await runWorkload(scenario, in: client)
    defer {
      workload.closeAll()
      withExtendedLifetime(http) {}
    }
    return try await watch(workload) {
      TimeWaitRecord.Sample(
        server: try await server.kernelStates(),
        clientTimeWait: try await client.kernelStates()[.timeWait])
    }
  }

  // MARK: Both

  /// As many as ours, whatever the size of this machine; a scenario may set it again.
  private func makeRoom(in namespace: NetworkNamespace) async throws(Failure) {
    try await namespace.setSysctl(
      "tcp_max_tw_buckets", to: "\(StackSettings().maximumTimeWait)")
  }

  private func runWorkload(
    _ scenario: TimeWaitScenario, in namespace: NetworkNamespace
  ) async -> WorkloadResult {
    let workload = Workload(
      connections: plan.connections, keptOpen: plan.keptOpen, closer: scenario.closer,
      firstPort: 1024, secondsAllowed: scenario.turnsClientsAway ? 5 : 60)
    await turnstile.enter()
    let result = await namespace.run {
      WorkloadClients.run(workload, against: Endpoint(Self.server.address, Workload.port))
    }
    await turnstile.leave()
    return result
  }

  /// Takes a sample now and one a second, on the second: a slow one does not delay the next.
  private func watch(
    _ workload: WorkloadResult,
    _ sample: @Sendable () async throws -> TimeWaitRecord.Sample
  ) async throws -> TimeWaitRecord {
    // The last FINs are still on their way; second 0 is when they have arrived.
    for _ in 0..<50 {
      guard try await sample().server.isClosing else { break }
      try await Task.sleep(for: .milliseconds(20))
    }
    let start = ContinuousClock.now
    var record = TimeWaitRecord(workload: workload)
    for second in 0...plan.seconds {
      try await Task.sleep(until: start + .seconds(second), clock: .continuous)
      record.samples.append(try await sample())
    }
    return record
  }
}

extension StateCounts {
  /// Some connections are between ESTABLISHED and TIME_WAIT.
  fileprivate var isClosing: Bool {
    [.finWait1, .finWait2, .closing, .closeWait, .lastAck].contains { self[$0] > 0 }
  }
}

/// Lets tasks through one at a time.
actor Turnstile {
  private var isTaken = false
  private var waiting: [CheckedContinuation<Void, Never>] = []

  func enter() async {
    if isTaken {
      await withCheckedContinuation { waiting.append($0) }
    } else {
      isTaken = true
    }
  }

  func leave() {
    if waiting.isEmpty {
      isTaken = false
    } else {
      waiting.removeFirst().resume()
    }
  }
}
