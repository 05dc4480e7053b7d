// `tunstack netstat`: the stack's sockets and counters in the words of net-tools' netstat, so that
// scripts written for that one run with this.

import ArgumentParser

struct NetstatCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "netstat",
    abstract: "Print the sockets of a running stack as netstat does.",
    discussion: """
      Options may be joined (-antp). Without -n names of hosts, services and users are looked up. \
      A stack has TCP sockets only: -u prints none.
      """)

  @Flag(name: .shortAndLong, help: "Listening and connected sockets.")
  var all = false

  @Flag(name: .shortAndLong, help: "Listening sockets only.")
  var listening = false

  @Flag(name: .shortAndLong, help: "Numbers instead of names.")
  var numeric = false

  @Flag(name: .customLong("numeric-hosts"), help: "Numbers instead of names of hosts.")
  var numericHosts = false

  @Flag(name: .shortAndLong, help: "TCP (the only kind there is).")
  var tcp = false

  @Flag(name: .shortAndLong, help: "UDP (there is none).")
  var udp = false

  @Flag(name: .customShort("4"), help: "IPv4 (the only kind there is).")
  var version4 = false

  @Flag(name: .shortAndLong, help: "User and inode of each socket.")
  var extend = false

  @Flag(name: [.customShort("o"), .long], help: "Timer of each socket.")
  var timers = false

  @Flag(name: .shortAndLong, help: "Program of each socket.")
  var programs = false

  @Flag(name: [.customShort("W"), .long], help: "Addresses in full.")
  var wide = false

  @Flag(name: .shortAndLong, help: "Counters instead of sockets.")
  var statistics = false

  @OptionGroup var control: ControlOptions

  func run() throws {
    let client = try control.client()
    if statistics {
      return try Report.print(NetstatStatistics(onlyTCP: tcp).text(try client.counters()))
    }
    var table = NetstatTable()
    table.scope = all ? .all : listening ? .listening : .connected
    table.showsUser = extend
    table.showsTimer = timers
    table.showsProgram = programs
    table.isWide = wide
    if extend || programs {
      let overview = try client.overview()
      table.userID = overview.userID
      table.program = "\(overview.processID)/tunstack"
    }
    let rows = udp && !tcp ? [] : try client.sockets()
    let names = numeric ? SocketNames.numeric : .resolving(hosts: !numericHosts)
    try Report.print(table.text(rows, names))
  }
}
