// The knobs an operator may name, with Linux's names and meanings (REQUIREMENTS SYS-1 to SYS-38): the one
// place that says what each is called, which values it takes, what they count, what it changes,
// and which field of `StackSettings` it is. Those of later work are in SettingTable+Later.

import UserTCPRuntime

extension Setting {
  static let all: [Setting] =
    opening + fastOpen + retransmission + recovery + invalidSegments + keepAlive + closing + buffers
    + internet
    + later

  private static let opening: [Setting] = [
    .choice(
      "tcp_timestamps", \.timestamps,
      "timestamps on new connections (RFC 7323); 2: without a random offset"),
    .choice(
      "tcp_syncookies", \.synCookies,
      "answer SYNs without remembering them: 1 when the SYN queue is full, 2 always"),
    .flag("tcp_window_scaling", \.windowScaling, "windows above 64 KB (RFC 7323)"),
    .choice(
      "tcp_ecn", \.ecn,
      "congestion notification (RFC 3168): 1 asked for and granted, 2 only granted"),
    .flag(
      "tcp_accecn", \.usesAccurateECN,
      "its accurate form (RFC 9768) where the peer has it; in Linux tcp_ecn 3 and 5"),
    .flag(
      "tcp_ecn_fallback", \.fallsBackFromECN,
      "a SYN that asked for it in vain, or was reset, is repeated without"),
    .number("tcp_syn_retries", .tries, 1...127, \.synRetries, "SYNs repeated before giving up"),
    .number(
      "tcp_syn_linear_timeouts", .tries, 0...127, \.synLinearTimeouts,
      "SYNs repeated every second before the time doubles"),
    .number(
      "tcp_synack_retries", .tries, 0...255, \.synAckRetries,
      "SYN-ACKs repeated before a half-open connection is dropped"),
    .number(
      "tcp_max_syn_backlog", .entries, 1...16_777_216, \.maximumHalfOpen,
      "half-open connections while cookies are off; the last quarter is for known peers"),
    .number(
      "somaxconn", .entries, 1...65_535, \.maximumBacklog, group: .core,
      "largest accept queue of a listener"),
    .flag(
      "tcp_abort_on_overflow", \.abortOnOverflow,
      "reset instead of ignore when an accept queue is full"),
    Setting(
      group: .ipv4, name: "ip_local_port_range", unit: .ports,
      form: .numbers([1...65_535, 1...65_535]),
      meaning: "first and last port of connections opened here",
      read: { [Int($0.stack.localPorts.lowerBound), Int($0.stack.localPorts.upperBound)] },
      write: { $0.stack.localPorts = UInt16($1[0])...UInt16($1[1]) }),
    Setting(
      group: .ipv4, name: "ip_local_reserved_ports", unit: .ports, form: .ports,
      meaning: "ports of that range that are never chosen, like 8080,9000-9010",
      read: { PortRanges(ports: $0.stack.reservedPorts).pairs },
      write: { $0.stack.reservedPorts = PortRanges(pairs: $1).ports }),
  ]

  private static let fastOpen: [Setting] = [
    Setting(
      group: .ipv4, name: "tcp_fastopen", unit: .bits, form: .numbers([0...0xFFFF]),
      meaning:
        "text on the SYN (RFC 7413): 1 client, 2 server, 4 and 512 the same without a cookie, "
        + "1024 on listeners that have not asked",
      read: { [Int($0.stack.fastOpen.rawValue)] },
      write: { $0.stack.fastOpen = FastOpenMode(rawValue: UInt16($1[0])) }),
    Setting(
      group: .ipv4, name: "tcp_fastopen_key", unit: .bits, form: .keys,
      meaning: "key of its cookies, and after a comma the one before; all zero: one of our own",
      read: { FastOpenKeyText($0.stack.fastOpenKeys).words },
      write: { $0.stack.fastOpenKeys = FastOpenKeyText(words: $1).keys }),
    .interval(
      "tcp_fastopen_blackhole_timeout_sec", .seconds, 0...2_147_483, \.fastOpenBlackHolePause,
      "how long a client does without after three timeouts, doubled each time; 0: it does not stop"),
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
      "tcp_user_timeout_option", .seconds, 0...2_147_483, \.userTimeoutLimit,
      "longest user timeout adopted of a peer (RFC 5482), not below 100; 0: the option is off"),
    .interval(
      "tcp_rto_min_us", .microseconds, 1_000...1_000_000, \.minimumRetransmissionTimeout,
      "shortest retransmission timeout"),
    .interval(
      "tcp_rto_max_ms", .milliseconds, 1_000...120_000, \.maximumRetransmissionTimeout,
      "longest retransmission timeout"),
    .flag(
      "tcp_slow_start_after_idle", \.restartsAfterIdle,
      "start slowly again after a timeout's length without sending (RFC 5681 §4.1)"),
  ]

  private static let recovery: [Setting] = [
    .flag("tcp_sack", \.usesSACK, "selective acknowledgments (RFC 2018)"),
    .flag("tcp_dsack", \.reportsDuplicates, "duplicates reported in them (RFC 2883)"),
    .flag(
      "tcp_recovery", \.usesRACK,
      "loss detected by time (RACK, RFC 8985); without by three segments above it (RFC 6675)"),
    .flag(
      "tcp_prr", \.usesProportionalReduction,
      "the window shrinks over a round trip (RFC 9937), not at once; not a knob of Linux"),
    .level(
      "tcp_early_retrans", \.usesTailLossProbe, on: 3, of: 4,
      "a lost tail is probed for (RFC 8985 §7)"),
    .number(
      "tcp_reordering", .segments, 1...255, \.reorderingThreshold,
      "segments beyond a missing one that say it is lost"),
    .level("tcp_frto", \.usesForwardRTO, on: 2, of: 2, "spurious timeouts are found (RFC 5682)"),
    .flag(
      "tcp_hystart", \.usesHyStart,
      "slow start ends when the round trip grows (HyStart++, RFC 9406); not a knob of Linux"),
    .flag(
      "tcp_cwnd_validation", \.keepsUnusedWindow,
      "a congestion window that is not used is kept for 5 min (RFC 7661); not a knob of Linux"),
    .flag(
      "tcp_pacing", \.usesPacing,
      "a large flight is spread over its round trip; not a knob of Linux, which has qdiscs"),
    .number(
      "tcp_pacing_ss_ratio", .percent, 1...1000, \.pacingRatioInSlowStart,
      "of window / round trip at which a flight leaves in slow start"),
    .number(
      "tcp_pacing_ca_ratio", .percent, 1...1000, \.pacingRatio,
      "of window / round trip at which a flight leaves near the threshold and above"),
    Setting(
      group: .ipv4, name: "tcp_congestion_control", unit: .choice, form: .name(algorithms),
      meaning: "how the congestion window of new connections grows and shrinks",
      read: { [CongestionAlgorithm.allCases.firstIndex(of: $0.stack.congestionAlgorithm) ?? 0] },
      write: { $0.stack.congestionAlgorithm = CongestionAlgorithm.allCases[$1[0]] }),
    Setting(
      group: .ipv4, name: "tcp_available_congestion_control", unit: .choice,
      form: .readOnlyNames(algorithms), meaning: "what there is of these", read: { _ in [0] },
      write: { _, _ in }),
  ]

  private static let algorithms = CongestionAlgorithm.allCases.map(\.rawValue)

  private static let invalidSegments: [Setting] = [
    .interval(
      "tcp_invalid_ratelimit", .milliseconds, 0...2_147_483_647, \.invalidReplyInterval,
      "least time between answers to invalid segments of a connection; 0: no limit"),
    .number(
      "tcp_challenge_ack_limit", .packets, 0...2_147_483_647, \.challengeLimit,
      "challenge ACKs of all connections (RFC 5961 §7); 2147483647: no limit"),
    .flag(
      "tcp_stdurg", \.urgentPointsToLast,
      "the urgent pointer names the last urgent octet (RFC 1122), not the one after it"),
  ]

  private static let keepAlive: [Setting] = [
    .number(
      "tcp_keepalive_time", .seconds, 1...32_767, \.keepAlive.idleSeconds,
      "silence before a connection that asked for it is probed"),
    .number(
      "tcp_keepalive_intvl", .seconds, 1...32_767, \.keepAlive.intervalSeconds,
      "time between probes"),
    .number(
      "tcp_keepalive_probes", .tries, 1...127, \.keepAlive.probes,
      "unanswered probes that end a connection"),
  ]

  private static let closing: [Setting] = [
    .interval(
      "tcp_fin_timeout", .seconds, 1...2_147_483, \.finTimeout,
      "how long a connection nobody holds waits in FIN_WAIT2; TIME_WAIT is not meant"),
    .number(
      "tcp_max_tw_buckets", .entries, 0...16_777_216, \.maximumTimeWait,
      "connections in TIME_WAIT; one more is dropped at once"
    ).dangerous("a connection past the limit is forgotten at once: its last ACK is not repeated"),
    .choice(
      "tcp_tw_reuse", \.timeWaitReuse,
      "connections opened here may take over one in TIME_WAIT; 2: only on loopback"),
    .flag(
      "tcp_tw_recycle", \.recyclesTimeWait,
      "TIME_WAIT lasts 3.5 RTO, and one clock is expected of each host (gone from Linux 4.12)"
    ).dangerous("hosts behind one NAT address share no clock: their SYNs are dropped"),
    .flag("tcp_rfc1337", \.ignoresResetInTimeWait, "resets in TIME_WAIT are ignored"),
    .number(
      "tcp_max_orphans", .entries, 0...16_777_216, \.maximumOrphans,
      "connections nobody holds any more; one more is reset at once"),
  ]

  private static let buffers: [Setting] = [
    .marks(
      "tcp_rmem", .octets, bufferSizes,
      [\.leastReceiveBuffer, \.receiveBuffer, \.maximumReceiveBuffer], share: 2,
      "receive buffer of a connection: while memory is short, first and largest; half is its window"
    ),
    .marks(
      "tcp_wmem", .octets, bufferSizes,
      [\.leastSendBuffer, \.sendBuffer, \.maximumSendBuffer],
      "send buffer of a connection: unsent while memory is short, first and largest"),
    .marks(
      "tcp_mem", .pages, 0...2_147_483_647,
      [\.memory.low, \.memory.pressure, \.memory.limit], times: 4096,
      "memory of all connections: no longer short, short (windows stop growing), spent"),
    .flag(
      "tcp_moderate_rcvbuf", \.growsReceiveBuffer,
      "the receive window grows while the reader keeps up"),
    .flag(
      "tcp_shrink_window", \.shrinksWindow,
      "a window may be offered smaller than before when its buffer is"),
    .number(
      "tcp_notsent_lowat", .octets, 0...4_294_967_295, \.notSentLowMark,
      "unsent octets below which a connection is writable"),
    .number(
      "tcp_min_snd_mss", .octets, 48...65_495, \.minimumSegmentSize,
      "smallest segment that a peer can ask for"),
    .choice(
      "tcp_mtu_probing", \.pathProbing,
      "larger segments sent to see what the path takes (RFC 4821): "
        + "1 after timeouts of full ones, 2 always"),
    .number(
      "tcp_base_mss", .octets, 48...65_495, \.baseSegmentSize,
      "segment size that such a search begins with"),
  ]

  /// At most 65,535 shifted by 14, the largest window there is.
  private static let bufferSizes = 4096...1_073_725_440

  private static let internet: [Setting] = [
    .number("ip_default_ttl", .hops, 1...255, \.timeToLive, "time to live of packets sent"),
    .choice(
      "ip_no_pmtu_disc", \.pathMTUDiscovery,
      "1: packets may be cut on their way, and one too big means route.min_pmtu; "
        + "2: what routers say is ignored (RFC 1191)"),
    .number(
      "route.min_pmtu", .octets, 68...65_535, \.minimumPathMTU,
      "smallest MTU of a path that a router is believed"),
    .interval(
      "ipfrag_time", .seconds, 1...2_147_483, \.reassemblyTimeout,
      "how long fragments wait for the rest of their datagram"),
    .number(
      "ipfrag_high_thresh", .octets, 0...2_147_483_647, \.reassemblyMemory,
      "memory for fragments, a quarter of it for those of one host; past it the oldest go"),
    .number(
      "ipfrag_max_dist", .entries, 0...2_147_483_647, \.maximumFragmentDistance,
      "fragments of other datagrams of a host between two of one; 0: any number"),
    .flag("icmp_echo_ignore_all", \.ignoresEcho, "do not answer ping"),
    .number(
      "icmp_msgs_per_sec", .packets, 0...2_147_483_647, \.icmpErrorsPerSecond,
      "ICMP messages of icmp_ratemask sent in the long run"),
    .number(
      "icmp_msgs_burst", .entries, 0...2_147_483_647, \.icmpErrorBurst, "the same, at once"),
    .interval(
      "icmp_ratelimit", .milliseconds, 0...2_147_483_647, \.icmpTargetInterval,
      "least time between two such messages to one host; 0: no limit"),
    .number(
      "icmp_ratemask", .bits, 0...4_294_967_295, \.icmpLimitedTypes,
      "a bit for each type of ICMP message that is limited"),
  ]
}
