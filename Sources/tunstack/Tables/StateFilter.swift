// The names of states: `netstat` and /proc have one set, `ss` another, and `ss` has names for
// groups of them (ss(8), STATE-FILTER; NST-8). Pure.

import UserTCPRuntime

enum StateFilter {
  /// States that a name of either program means; `nil` when it is no name.
  static func states(named name: String) -> Set<TCPState>? {
    if let state = TCPState.allCases.first(where: {
      $0.description == name || $0.filterName == name
    }) {
      return [state]
    }
    return groups[name]
  }

  /// For messages.
  static var names: String {
    let all = TCPState.allCases.map(\.filterName).sorted() + groups.keys.sorted()
    return all.joined(separator: ", ")
  }

  static let everything = Set(TCPState.allCases)
  /// What `ss` shows without `-a` and `-l`.
  static let connected = everything.subtracting([.listen, .closed, .timeWait, .synReceived])

  private static let groups: [String: Set<TCPState>] = [
    "all": everything,
    "connected": everything.subtracting([.closed, .listen]),
    "synchronized": everything.subtracting([.closed, .listen, .synSent]),
    // What Linux keeps as a small entry.
    "bucket": [.synReceived, .timeWait],
    "big": everything.subtracting([.synReceived, .timeWait]),
  ]
}

extension TCPState {
  /// As a filter of `ss` has it.
  var filterName: String {
    switch self {
    case .established: "established"
    case .synSent: "syn-sent"
    case .synReceived: "syn-recv"
    case .finWait1: "fin-wait-1"
    case .finWait2: "fin-wait-2"
    case .timeWait: "time-wait"
    case .closed: "closed"
    case .closeWait: "close-wait"
    case .lastAck: "last-ack"
    case .listen: "listening"
    case .closing: "closing"
    }
  }

  /// As `ss` prints it.
  var columnName: String {
    switch self {
    case .established: "ESTAB"
    case .closed: "UNCONN"
    case .listen: "LISTEN"
    case .synSent, .synReceived, .finWait1, .finWait2, .timeWait, .closeWait, .lastAck, .closing:
      filterName.uppercased()
    }
  }
}
