// `tunstack ss`: the stack's sockets in the words of iproute2's ss.

import ArgumentParser
import UserTCPRuntime

struct SSCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ss",
    abstract: "Print the sockets of a running stack as ss does.",
    discussion: """
      A filter is `state NAME` or `exclude NAME`, repeated: established, syn-sent, syn-recv, \
      fin-wait-1, fin-wait-2, time-wait, closed, close-wait, last-ack, listening, closing, all, connected, \
      synchronized, bucket, big.
      """)

  @Flag(name: .shortAndLong, help: "Sockets in all states.")
  var all = false

  @Flag(name: .shortAndLong, help: "Listening sockets only.")
  var listening = false

  @Flag(name: .shortAndLong, help: "Numbers instead of service names.")
  var numeric = false

  @Flag(name: .shortAndLong, help: "Names of hosts too.")
  var resolve = false

  @Flag(name: .shortAndLong, help: "TCP (the only kind there is).")
  var tcp = false

  @Flag(name: .customShort("4"), help: "IPv4 (the only kind there is).")
  var version4 = false

  @Flag(name: .shortAndLong, help: "Timer of each socket.")
  var options = false

  @Flag(name: .shortAndLong, help: "User and inode of each socket.")
  var extended = false

  @Flag(name: .shortAndLong, help: "What TCP knows of each connection.")
  var info = false

  @Flag(name: .shortAndLong, help: "Program of each socket.")
  var processes = false

  @Flag(name: .shortAndLong, help: "Ignored: buffers have no owner of their own here.")
  var memory = false

  @Flag(name: .shortAndLong, help: "How many sockets there are, by state.")
  var summary = false

  @Flag(name: [.customShort("H"), .customLong("no-header")], help: "No line of headings.")
  var noHeader = false

  @Argument(help: "state NAME or exclude NAME.")
  var filter: [String] = []

  @OptionGroup var control: ControlOptions

  func run() throws {
    let states = try states()
    let client = try control.client()
    if summary { return try Report.print(SocketTable.summary(try client.overview())) }
    var table = SocketTable()
    table.showsKind = !tcp
    table.showsState = states.count != 1
    table.hasHeading = !noHeader
    table.showsTimer = options
    table.showsDetails = extended
    table.showsInternals = info
    table.showsProcess = processes
    if extended || processes {
      let overview = try client.overview()
      table.userID = overview.userID
      table.process = "(\"tunstack\",pid=\(overview.processID))"
    }
    let rows = try client.sockets().filter { $0.tcpState.map(states.contains) ?? false }
    let names =
      numeric ? SocketNames.numeric : .resolving(hosts: resolve)
    try Report.print(table.text(rows, names))
  }

  /// From the options, unless a filter says otherwise.
  func states() throws(Failure) -> Set<TCPState> {
    var states =
      all ? StateFilter.everything : listening ? [.listen, .closed] : StateFilter.connected
    var isFirst = true
    var words = filter[...]
    while let word = words.popFirst() {
      guard word == "state" || word == "exclude" else {
        throw .usage("'\(word)' is no filter; write 'state NAME' or 'exclude NAME'")
      }
      let name = words.popFirst() ?? ""
      guard let named = StateFilter.states(named: name) else {
        throw .usage("'\(name)' is no state; the states are \(StateFilter.names)")
      }
      if word == "state" {
        states = isFirst ? named : states.union(named)
        isFirst = false
      } else {
        states.subtract(named)
      }
    }
    return states
  }
}
