// What the kernel tells of a network in text (proc(5)): the states of its TCP sockets and what a
// device dropped. The parsing is pure; reading is done on a thread of the namespace that is meant.
// (/sys/class/net would show the network in which /sys was mounted.)

import UserTCPRuntime

enum ProcNet {
  /// How many sockets of `table`, the text of /proc/net/tcp, are in which state.
  static func states(_ table: some Collection<UInt8>) -> StateCounts {
    var counts = StateCounts()
    // "sl local_address rem_address st …": the fourth word, in hexadecimal.
    for line in table.split(separator: ASCII.lineFeed).dropFirst() {
      let words = line.split(separator: ASCII.space, maxSplits: 4)
      guard words.count > 3,
        let number = UInt8(String(decoding: words[3], as: UTF8.self), radix: 16)
      else { continue }
      // 12 is NEW_SYN_RECV, which the table shows as 3 by itself.
      if let state = TCPState(rawValue: number) { counts[state] += 1 }
    }
    return counts
  }

  /// Frames that `device` dropped on their way out, of the text of /proc/net/dev.
  static func droppedOutput(of device: String, in table: String) -> Int? {
    for line in table.split(separator: "\n") {
      let parts = line.split(separator: ":", maxSplits: 1)
      guard parts.count == 2, parts[0].trimmed == device else { continue }
      let numbers = parts[1].split(separator: " ")
      // Eight numbers of input, then bytes, packets, errs, drop of output.
      return numbers.count > 11 ? Int(numbers[11]) : nil
    }
    return nil
  }

  /// The counter `name` of the group `prefix`, of the text of /proc/net/snmp or /proc/net/netstat: a line
  /// of names, then a line of numbers.
  static func counter(_ name: String, of prefix: String, in table: String) -> Int? {
    let lines = table.split(separator: "\n").map { $0.split(separator: " ") }
    let pair = lines.filter { $0.first.map { $0 == "\(prefix):" } ?? false }
    guard pair.count == 2, let column = pair[0].firstIndex(where: { $0 == name }),
      column < pair[1].count
    else { return nil }
    return Int(pair[1][column])
  }
}

extension NetworkNamespace {
  /// The states of the kernel's own sockets in here.
  func kernelStates() async throws(Failure) -> StateCounts {
    ProcNet.states(try await readProc("tcp").utf8)
  }

  func droppedOutput(of device: String) async throws(Failure) -> Int {
    ProcNet.droppedOutput(of: device, in: try await readProc("dev")) ?? 0
  }

  /// What the kernel's TCP in here has counted: timeouts, and segments sent again.
  func kernelRetransmissions() async throws(Failure) -> (timeouts: Int, segments: Int) {
    let extended = try await readProc("netstat")
    let plain = try await readProc("snmp")
    guard let timeouts = ProcNet.counter("TCPTimeouts", of: "TcpExt", in: extended),
      let segments = ProcNet.counter("RetransSegs", of: "Tcp", in: plain)
    else {
      throw Failure(.unavailable, "this kernel does not count timeouts; see /proc/net/netstat")
    }
    return (timeouts, segments)
  }

  private func readProc(_ name: String) async throws(Failure) -> String {
    try await run { () throws(Failure) in
      try TextFile.read("/proc/thread-self/net/\(name)", largest: 64 << 20)
    }
  }
}
