// The command line of `tunstack connect`, checked.

import UserTCPRuntime

struct ConnectPlan {
  var stack: StackPlan
  var remote: Endpoint
  /// `nil`: any free port.
  var local: Endpoint?
  /// The first octets of standard input go on the SYN if the server allows it.
  var usesFastOpen: Bool

  init(_ command: ConnectCommand) throws(Failure) {
    stack = try StackPlan(command.stack)
    usesFastOpen = command.fastOpen
    guard let address = IPv4Address(command.host) else {
      throw .usage("'\(command.host)' is not an IPv4 address; write it like 192.0.2.1")
    }
    remote = Endpoint(address, try ServicePorts.port(command.port, option: "PORT"))
    if let from = command.from {
      local = Endpoint(stack.address.address, try ServicePorts.port(from, option: "--from"))
    }
  }
}
