// The first reason for TIME_WAIT, played by two stacks in virtual time: the ACK of the client's FIN is
// lost. With TIME_WAIT the server answers the repeated FIN; without it the server has forgotten the
// connection, and a client that did everything right is told of a reset. The same run each time.

import UserTCP
import UserTCPSimulation

struct LastAckStory {
  private static let (server, client) = (0, 1)
  private static let port: Port = 80

  /// What the story came to.
  struct Ending: Equatable {
    /// `.closed` is an orderly end.
    var client: TCPError?
    var serverHadTimeWait = false
    var resets = 0
  }

  private var network: Network
  private var packets: PacketLines
  private var told = 0
  private var states = ""
  private(set) var lines: [String] = []
  private(set) var ending = Ending()

  init(withTimeWait: Bool) {
    var settings = StackSettings()
    settings.timestamps = .off  // shorter lines; they change nothing here
    if !withTimeWait { settings.maximumTimeWait = 0 }
    network = Network(seed: 1, settings: settings)
    packets = PacketLines(
      start: network.now,
      names: [network.hosts[0].address: "server", network.hosts[1].address: "client"])
  }

  mutating func play() throws(TCPError) {
    let (server, client) = (network.hosts[Self.server], network.hosts[Self.client])
    let listener = try server.stack.listen(on: Self.port, backlog: 8)
    let ours = try client.stack.connect(to: Endpoint(server.address, Self.port))
    run { _ in client.stack.snapshot(ours)?.state == .established }
    _ = try client.write(ours, Array("request".utf8))
    run { story in
      story.state(of: Self.server) == .established
        && story.network.link(from: Self.client, to: Self.server).framesInFlight == 0
    }
    guard let theirs = server.stack.accept(listener) else { throw .notConnected }
    _ = try server.read(theirs)
    say("the server answers and closes first")
    _ = try server.write(theirs, Array("answer".utf8))
    server.stack.close(theirs)
    run { _ in (try? client.read(ours).isEmpty) == true && (try? client.seesEnd(ours)) == true }
    say("the client has read the end and closes; from here on the server's packets are lost")
    try client.stack.finish(ours)
    network.changeLink(from: Self.server, to: Self.client) { $0.loss = 1 }
    run { $0.network.link(from: Self.server, to: Self.client).statistics.lost > 0 }
    ending.serverHadTimeWait = state(of: Self.server) == .timeWait
    say("the network is well again; the client's timer will repeat its FIN")
    network.changeLink(from: Self.server, to: Self.client) { $0.loss = 0 }
    run { _ in client.stack.outcome(ours) != nil }
    ending.client = client.stack.outcome(ours)
    say(ending.words)
  }

  // MARK: Telling

  /// Lets the network go on until `isReached`, for no more than a minute of its time.
  private mutating func run(_ isReached: (LastAckStory) -> Bool) {
    let limit = network.now + .seconds(60)
    tell()
    while !isReached(self), network.step(until: limit) { tell() }
  }

  /// Adds the packets and states that are new.
  private mutating func tell() {
    let all = network.transcript.packets
    for (_, packet) in all[told...] {
      let isFromServer = packet.ip.source == network.hosts[Self.server].address
      let isLost = isFromServer && network.link(from: 0, to: 1).settings.loss == 1
      if packet.segment?.flags.contains(.rst) == true { ending.resets += 1 }
      lines.append("  " + packets.line(packet, remark: isLost ? "lost" : ""))
    }
    told = all.count
    let now = "server \(state(of: Self.server)), client \(state(of: Self.client))"
    if now != states { lines.append("             [\(now)]") }
    states = now
  }

  private mutating func say(_ text: String) { lines.append("  # \(text)") }

  /// Of the one connection; CLOSED is absence.
  private func state(of host: Int) -> TCPState {
    var state = TCPState.closed
    network.hosts[host].stack.forEachSnapshot { if $0.state != .listen { state = $0.state } }
    return state
  }
}

extension LastAckStory.Ending {
  var words: String {
    guard client == .closed || client == .resetByPeer else {
      return "the client ends with \(client.map { "\($0)" } ?? "nothing")"
    }
    return resets == 0
      ? "TIME_WAIT has acknowledged the FIN again; the client ends in peace"
      : "nobody knows the connection any more: a reset. A program that waits in close or shutdown is "
        + "told ECONNRESET by Linux, though all went well"
  }
}
