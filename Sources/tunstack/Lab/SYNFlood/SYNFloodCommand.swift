// `tunstack lab syn-flood`: a flood of SYNs from addresses that do not exist, and what is left for real
// clients with each value of tcp_syncookies.

import ArgumentParser
import UserTCPRuntime

struct SYNFloodCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "syn-flood",
    abstract: "See what a SYN flood does to real clients, with and without SYN cookies.")

  static let explanation = """
    A SYN from an address that does not exist leaves a half-open connection behind that waits a minute
    for an ACK. A few thousand fill the queue, and real clients are turned away. A SYN cookie is an
    answer without memory: what must be remembered is hidden in the sequence number, and comes back
    with the client's ACK (RFC 4987). tcp_syncookies=1 does so while the queue is full, 2 always,
    0 never. The attacker and the clients live in the lab's own network, which has no way out.
    """

  @Option(help: "SYNs of the flood, 1 to 10000000.")
  var packets = "100000"

  @Option(help: "SYNs a second, 100 to 1000000.")
  var rate = "50000"

  @Option(help: "Real clients, 1 to 5000.")
  var clients = "1000"

  func run() async throws {
    let packets = try Lab.number("--packets", packets, 1...10_000_000)
    let rate = try Lab.number("--rate", rate, 100...1_000_000)
    let clients = try Lab.number("--clients", clients, 1...5000)
    try await Lab.run {
      try await Self.run(packets: packets, rate: rate, clients: clients)
    }
  }

  private static func run(packets: Int, rate: Int, clients: Int) async throws {
    Lab.explain("syn-flood", explanation)
    try Lab.allowDescriptors(clients + 100)
    Lab.say("\(packets) SYNs at \(rate) a second; \(clients) clients begin while it runs\n")
    var allServed = true
    for mode in SYNCookieMode.allCases {
      let run = SYNFloodRun(mode: mode, packets: packets, perSecond: rate, clients: clients)
      let outcome = try await run.run()
      for line in lines(mode, outcome, clients) { Lab.say(line) }
      if mode != .off { allServed = allServed && outcome.clients.served == clients }
    }
    Lab.say("")
    Lab.say(
      allServed
        ? "with cookies every client was served"
        : "some clients were not served in spite of cookies; see the device's drops")
    if !allServed { throw Lab.disagreement }
  }

  private static func lines(
    _ mode: SYNCookieMode, _ outcome: SYNFloodRun.Outcome, _ clients: Int
  ) -> [String] {
    let flood = outcome.flood
    let slowest = Int((outcome.clients.slowest * 1000).rounded())
    return [
      "tcp_syncookies=\(mode.rawValue)",
      "  clients   \(outcome.clients.served) of \(clients) served within \(SYNFloodRun.patience) s, "
        + "the slowest in \(slowest) ms",
      "  half-open \(outcome.halfOpen) at most; \(outcome.synsDropped) SYNs dropped",
      "  cookies   \(outcome.cookiesSent) sent, \(outcome.cookiesReceived) came back",
      "  flood     \(flood.sent) SYNs in \(Int((flood.seconds * 1000).rounded())) ms; the device dropped "
        + "\(outcome.deviceDropped) packets (tx_dropped)",
      "  memory    \(outcome.memoryGrowth) KiB more at most, with the lab's own",
    ]
  }
}
