// The settings an operator may name, with Linux's names and meanings: the one place that says what
// each is called, which values it takes, what they count, and which field of `StackSettings`
// it is. `--set`, `--conf` and the tests read this table; `docs` are written from it. A name
// stands here when the stack obeys it, never before (REQUIREMENTS §G).

import UserTCPRuntime

/// One setting of the stack.
struct Setting: Sendable {
  enum Group: String, Sendable {
    case ipv4 = "net.ipv4"
    case core = "net.core"
  }

  /// What the numbers of a value count.
  enum Unit: String, Sendable {
    case seconds, milliseconds, microseconds, octets
    case packets = "packets a second"
    case tries = "tries"
    case entries = "entries"
    case hops = "hops"
    case ports = "ports"
    /// One of a few, each with a meaning of its own.
    case choice = "(a choice)"
    /// 0 is off, 1 is on.
    case onOff = ""
  }

  let group: Group
  let name: String
  let unit: Unit
  /// What each number of the value may be; as many numbers as there are ranges.
  let ranges: [ClosedRange<Int>]
  let meaning: String
  let read: @Sendable (StackSettings) -> [Int]
  let write: @Sendable (inout StackSettings, [Int]) -> Void

  var fullName: String { "\(group.rawValue).\(name)" }
}

extension Setting {
  static let all: [Setting] = opening + retransmission + keepAlive + closing + buffers + internet

  private static let opening: [Setting] = [
    .choice(
      "tcp_timestamps", \.timestamps,
      "timestamps on new connections (RFC 7323); 2: without a random offset"),
    .choice(
      "tcp_syncookies", \.synCookies,
      "answer SYNs without remembering them: 1 when the SYN queue is full, 2 always"),
    .flag("tcp_window_scaling", \.windowScaling, "windows above 64 KB (RFC 7323)"),
    .number("tcp_syn_retries", .tries, 1...127, \.synRetries, "SYNs repeated before giving up"),
    .number(
      "tcp_syn_linear_timeouts", .tries, 0...127, \.synLinearTimeouts,
      "SYNs repeated every second before the time doubles"),
    .number(
      "tcp_synack_retries", .tries, 0...255, \.synAckRetries,
      "SYN-ACKs repeated before a half-open connection is dropped"),
    .number(
      "tcp_max_syn_backlog", .entries, 1...16_777_216, \.maximumHalfOpen,
      "half-open connections remembered"),
    .number(
      "somaxconn", .entries, 1...65_535, \.maximumBacklog, group: .core,
      "largest accept queue of a listener"),
    .flag(
      "tcp_abort_on_overflow", \.abortOnOverflow,
      "reset instead of ignore when an accept queue is full"),
    Setting(
      group: .ipv4, name: "ip_local_port_range", unit: .ports, ranges: [1...65_535, 1...65_535],
      meaning: "first and last port of connections opened here",
      read: { [Int($0.localPorts.lowerBound), Int($0.localPorts.upperBound)] },
      write: { $0.localPorts = UInt16($1[0])...UInt16($1[1]) }),
  ]

  private static let retransmission: [Setting] = [
    .number(
      "tcp_retries1", .tries, 0...255, \.retries1, "retransmissions before the route is doubted"),
    .number(
      "tcp_retries2", .tries, 0...255, \.retries2,
      "retransmissions before a connection is given up, counted as time"),
    .number(
      "tcp_orphan_retries", .tries, 0...255, \.orphanRetries,
      "the same for a connection nobody holds any more; 0 means 8"),
    .interval(
      "tcp_rto_min_us", .microseconds, 1_000...1_000_000, \.minimumRetransmissionTimeout,
      "shortest retransmission timeout"),
    .interval(
      "tcp_rto_max_ms", .milliseconds, 1_000...120_000, \.maximumRetransmissionTimeout,
      "longest retransmission timeout"),
    .interval(
      "tcp_invalid_ratelimit", .milliseconds, 0...2_147_483_647, \.invalidReplyInterval,
      "least time between answers to invalid segments of a connection; 0: no limit"),
  ]

  private static let keepAlive: [Setting] = [
    Setting(
      group: .ipv4, name: "tcp_keepalive_time", unit: .seconds, ranges: [1...32_767],
      meaning: "silence before a connection that asked for it is probed",
      read: { [Int($0.keepAlive.idleSeconds)] },
      write: { $0.keepAlive.idleSeconds = UInt32($1[0]) }),
    Setting(
      group: .ipv4, name: "tcp_keepalive_intvl", unit: .seconds, ranges: [1...32_767],
      meaning: "time between probes",
      read: { [Int($0.keepAlive.intervalSeconds)] },
      write: { $0.keepAlive.intervalSeconds = UInt16($1[0]) }),
    Setting(
      group: .ipv4, name: "tcp_keepalive_probes", unit: .tries, ranges: [1...127],
      meaning: "unanswered probes that end a connection",
      read: { [Int($0.keepAlive.probes)] },
      write: { $0.keepAlive.probes = UInt8($1[0]) }),
  ]

  private static let closing: [Setting] = [
    .interval(
      "tcp_fin_timeout", .seconds, 1...2_147_483, \.finTimeout,
      "how long a connection nobody holds waits in FIN_WAIT2; TIME_WAIT is not meant"),
    .number(
      "tcp_max_tw_buckets", .entries, 0...16_777_216, \.maximumTimeWait,
      "connections in TIME_WAIT; one more is dropped at once"),
    .choice(
      "tcp_tw_reuse", \.timeWaitReuse,
      "connections opened here may take over one in TIME_WAIT; 2: only on loopback"),
    .flag("tcp_rfc1337", \.ignoresResetInTimeWait, "resets in TIME_WAIT are ignored"),
  ]

  private static let buffers: [Setting] = [
    .buffer("tcp_rmem", \.receiveBuffer, \.maximumReceiveBuffer, "receive window"),
    .buffer("tcp_wmem", \.sendBuffer, \.maximumSendBuffer, "send buffer"),
  ]

  private static let internet: [Setting] = [
    Setting(
      group: .ipv4, name: "ip_default_ttl", unit: .hops, ranges: [1...255],
      meaning: "time to live of packets sent", read: { [Int($0.timeToLive)] },
      write: { $0.timeToLive = UInt8($1[0]) }),
    .flag("icmp_echo_ignore_all", \.ignoresEcho, "do not answer ping"),
    .number(
      "icmp_msgs_per_sec", .packets, 0...2_147_483_647, \.icmpErrorsPerSecond,
      "ICMP errors sent in the long run"),
    .number(
      "icmp_msgs_burst", .entries, 0...2_147_483_647, \.icmpErrorBurst, "ICMP errors sent at once"),
  ]
}

// MARK: Kinds of settings

extension Setting {
  private typealias Field<Value> = WritableKeyPath<StackSettings, Value> & Sendable

  private static func flag(_ name: String, _ field: Field<Bool>, _ meaning: String) -> Setting {
    Setting(
      group: .ipv4, name: name, unit: .onOff, ranges: [0...1], meaning: meaning,
      read: { [$0[keyPath: field] ? 1 : 0] }, write: { $0[keyPath: field] = $1[0] == 1 })
  }

  private static func choice<Choice: RawRepresentable & CaseIterable & Sendable>(
    _ name: String, _ field: Field<Choice>, _ meaning: String
  ) -> Setting where Choice.RawValue == UInt8 {
    Setting(
      group: .ipv4, name: name, unit: .choice, ranges: [0...Choice.allCases.count - 1],
      meaning: meaning, read: { [Int($0[keyPath: field].rawValue)] },
      write: { settings, numbers in
        if let choice = Choice(rawValue: UInt8(numbers[0])) { settings[keyPath: field] = choice }
      })
  }

  private static func number(
    _ name: String, _ unit: Unit, _ range: ClosedRange<Int>, _ field: Field<Int>,
    group: Group = .ipv4, _ meaning: String
  ) -> Setting {
    Setting(
      group: group, name: name, unit: unit, ranges: [range], meaning: meaning,
      read: { [$0[keyPath: field]] }, write: { $0[keyPath: field] = $1[0] })
  }

  private static func interval(
    _ name: String, _ unit: Unit, _ range: ClosedRange<Int>, _ field: Field<Interval>,
    _ meaning: String
  ) -> Setting {
    let nanoseconds: Int64 =
      switch unit {
      case .seconds: 1_000_000_000
      case .milliseconds: 1_000_000
      case .microseconds: 1_000
      default: preconditionFailure("an interval counts a unit of time")
      }
    return Setting(
      group: .ipv4, name: name, unit: unit, ranges: [range], meaning: meaning,
      read: { [Int($0[keyPath: field].nanoseconds / nanoseconds)] },
      write: { $0[keyPath: field] = .nanoseconds(Int64($1[0]) * nanoseconds) })
  }

  /// Least, first and largest size. This stack has no least size of its own; Linux's is read back.
  private static func buffer(
    _ name: String, _ first: Field<Int>, _ largest: Field<Int>, _ what: String
  ) -> Setting {
    let range = 4096...1_073_725_440  // 65,535 shifted by 14, the largest window there is
    return Setting(
      group: .ipv4, name: name, unit: .octets, ranges: [range, range, range],
      meaning: "\(what): least (unused), first and largest",
      read: { [4096, $0[keyPath: first], $0[keyPath: largest]] },
      write: {
        $0[keyPath: first] = $1[1]
        $0[keyPath: largest] = $1[2]
      })
  }
}
