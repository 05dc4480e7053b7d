// `tunstack lab port-exhaustion`: a client that closes first runs out of ports, with each value of
// tcp_tw_reuse.

import ArgumentParser
import UserTCPRuntime

struct PortExhaustionCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "port-exhaustion",
    abstract: "See a client run out of ports, and what tcp_tw_reuse does about it.")

  static let explanation = """
    A connection in TIME_WAIT keeps its pair of addresses and ports. A client that closes first can
    therefore open only as many connections to one server in 60 s as it has ports: 28,232 by
    default, 470 a second; here few, so that it is soon over. tcp_tw_reuse=1 lets a new connection
    take the pair over once its last timestamp is a second old; 2, the default, does so only for
    127.0.0.1; 0 never. The cure without a knob: keep connections open, or let the server close.
    """

  @Option(help: "Ports the client has, 1 to 1000.")
  var ports = "100"

  @Flag(name: .customLong("no-kernel"), help: "Do not run the kernel's TCP beside it.")
  var noKernel = false

  func run() async throws {
    let ports = try Lab.number("--ports", ports, 1...1000)
    let withKernel = !noKernel
    try await Lab.run { try await Self.run(ports: ports, withKernel: withKernel) }
  }

  private static func run(ports: Int, withKernel: Bool) async throws {
    Lab.explain("port-exhaustion", explanation)
    Lab.say(
      "\(ports * 2) connections in a row from \(ports) ports; then a pause, and \(ports) more\n")
    Lab.say(
      filled("", 26) + padded("at first", 10) + "  "
        + padded("\(PortExhaustionRun.pause) s later", 12)
        + "  the first refusal")
    var agree = true
    for reuse in TimeWaitReuse.allCases {
      let run = PortExhaustionRun(ports: ports, reuse: reuse)
      async let beside = withKernel ? run.kernel() : nil
      let ours = try await run.ours()
      Lab.say(line("tcp_tw_reuse=\(reuse.rawValue)", "stack", ours, ports))
      guard let kernel = try await beside else { continue }
      Lab.say(line("", "kernel", kernel, ports))
      agree = agree && ours.agrees(with: kernel)
    }
    guard withKernel else { return }
    Lab.say("")
    Lab.say(agree ? "stack and kernel agree" : "stack and kernel do not agree")
    if !agree { throw Lab.disagreement }
  }

  private static func line(
    _ knob: String, _ side: String, _ outcome: PortExhaustionRun.Outcome, _ ports: Int
  ) -> String {
    filled(knob, 18) + filled(side, 8) + padded("\(outcome.first.connected)/\(ports * 2)", 10)
      + "  "
      + padded("\(outcome.later.connected)/\(ports)", 12) + "  "
      + (outcome.first.refusal ?? outcome.later.refusal ?? "none")
  }
}
