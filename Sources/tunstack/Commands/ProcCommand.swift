// `tunstack proc FILE`: what a file below /proc would say, were this stack the kernel's.

import ArgumentParser

struct ProcCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "proc",
    abstract:
      "Print a running stack's net/tcp, net/snmp, net/netstat or net/sockstat as Linux writes it.")

  @Argument(help: "net/tcp, net/snmp, net/netstat or net/sockstat.")
  var file: String

  @OptionGroup var control: ControlOptions

  func run() throws {
    let name = file.hasPrefix("/proc/") ? String(file.dropFirst("/proc/".count)) : file
    guard ProcFiles.names.contains(name) else {
      throw Failure.usage(
        "there is no '\(file)' here; there are \(ProcFiles.names.joined(separator: ", "))")
    }
    let client = try control.client()
    switch name {
    case "net/tcp":
      let userID = try client.overview().userID
      try Report.print(ProcFiles.tcp(try client.sockets(), userID: userID))
    case "net/snmp": try Report.print(ProcFiles.snmp(try client.counters()))
    case "net/netstat": try Report.print(ProcFiles.netstat(try client.counters()))
    default: try Report.print(ProcFiles.sockstat(try client.overview()))
    }
  }
}
