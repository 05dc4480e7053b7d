// The days of the time-wait lab: the same workload with one thing changed each. What is changed is named
// as Linux names it; beside it stands what that brings and what it risks, as the lab prints it.

import UserTCPRuntime

enum TimeWaitScenario: String, CaseIterable, Sendable {
  case standard = "default"
  case buckets = "max-tw-buckets"
  case finTimeout = "fin-timeout"
  case reuse = "tw-reuse"
  case recycle = "tw-recycle"
  case recycleToday = "tw-recycle-today"
  case rfc1337 = "rfc1337"
  case clientCloses = "client-closes"

  /// The server's knob and its value; fewer connections than usual get a smaller limit.
  func knob(connections: Int) -> (name: String, value: String)? {
    switch self {
    case .standard, .clientCloses: nil
    case .buckets: ("tcp_max_tw_buckets", "\(max(1, min(1000, connections / 5)))")
    case .finTimeout: ("tcp_fin_timeout", "15")
    case .reuse: ("tcp_tw_reuse", "1")
    case .recycle, .recycleToday: ("tcp_tw_recycle", "1")
    case .rfc1337: ("tcp_rfc1337", "1")
    }
  }

  func title(connections: Int) -> String {
    switch self {
    case .standard: "default"
    case .clientCloses: "the client closes first"
    case .recycleToday: "tcp_tw_recycle=1, today"
    default: knob(connections: connections).map { "\($0.name)=\($0.value)" } ?? rawValue
    }
  }

  /// Linux lost tcp_tw_recycle in 4.12.
  var kernelHasIt: Bool { self != .recycle && self != .recycleToday }

  /// Clients are expected to fail; the lab shows how many.
  var turnsClientsAway: Bool { self == .recycleToday }

  var closer: Workload.Closer { self == .clientCloses ? .client : .server }

  var changes: String {
    switch self {
    case .standard: "nothing. Who closes first waits 60 s with each pair of addresses and ports."
    case .buckets: "what is past the limit skips TIME_WAIT; the rest waits its 60 s as before."
    case .finTimeout: "nothing: it limits FIN_WAIT2 of orphans. TIME_WAIT is 60 s, a constant."
    case .reuse: "nothing: it is for connections opened here, and a server opens none."
    case .recycle: "TIME_WAIT lasts 3.5 RTO, less than a second. Linux dropped it in 4.12."
    case .recycleToday: "as before, but with clients whose every connection has a clock of its own."
    case .rfc1337: "nothing to see: TIME_WAIT ignores resets, and nobody sent one."
    case .clientCloses: "TIME_WAIT is at the clients, spread over them; the server has none."
    }
  }

  var risks: String {
    switch self {
    case .standard:
      "none: 256 octets each in the kernel, 40 here; no port and no thread is held."
    case .buckets: "a lost last ACK is answered with a reset, and old segments find no guard."
    case .finTimeout: "a slow peer's last octets meet a reset, if it is too small."
    case .reuse: "none here; on a client old segments are kept out by timestamps alone."
    case .recycle:
      "hosts behind one NAT shut each other out: SYNs with the older clock are dropped."
    case .recycleToday: "those whose clock is behind the last one's are turned away, for a minute."
    case .rfc1337: "none; a port stays taken for the full minute even when the peer resets it."
    case .clientCloses: "a client that never closes keeps the server's connection: have a timeout."
    }
  }

  /// Our stack's settings for this day.
  func settings(connections: Int) throws(Failure) -> StackSettings {
    var values = SettingValues()
    guard let knob = knob(connections: connections) else { return values.stack }
    do throws(SettingAssignment.Problem) {
      try SettingAssignment(name: knob.name, value: knob.value).apply(to: &values)
    } catch {
      throw Failure(.configuration, error.description)
    }
    return values.stack
  }
}
