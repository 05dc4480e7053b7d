// The command line of `tunstack serve`, checked.

import UserTCPRuntime

struct ServePlan {
  var stack: StackPlan
  var ports: ServicePorts
  /// How long connections may take to finish once the program is told to stop.
  var grace: Interval
  /// Streams and tasks instead of handlers on the loop.
  var usesStreams: Bool
  /// Idle connections are probed, as the settings say.
  var keepsAlive: Bool

  init(_ command: ServeCommand) throws(Failure) {
    stack = try StackPlan(command.stack)
    ports = try ServicePorts(command.ports)
    guard let seconds = Double(command.grace), (0...3600).contains(seconds) else {
      throw .usage("--grace: '\(command.grace)' is not a time; take 0 to 3600 seconds")
    }
    grace = .nanoseconds(Int64(seconds * 1e9))
    usesStreams = command.usesStreams
    keepsAlive = command.keepsAlive
  }
}
