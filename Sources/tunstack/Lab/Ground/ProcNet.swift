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
}

extension NetworkNamespace {
  /// The states of the kernel's own sockets in here.
  func kernelStates() async throws(Failure) -> StateCounts {
    ProcNet.states(try await readProc("tcp").utf8)
  }

  func droppedOutput(of device: String) async throws(Failure) -> Int {
    ProcNet.droppedOutput(of: device, in: try await readProc("dev")) ?? 0
  }

  private func readProc(_ name: String) async throws(Failure) -> String {
    try await run { () throws(Failure) in
      try TextFile.read("/proc/thread-self/net/\(name)", largest: 64 << 20)
    }
  }
}
