// What an operator may decide. The Linux knob that has the same meaning is named at each, and the
// profile decides where RFC and Linux disagree (REQUIREMENTS DEC-9). Values are taken when they are
// used, so a change acts at once, except where a connection negotiated something with its peer.

/// Where the RFCs and Linux differ: whose numbers hold.
public enum Profile: String, Sendable, CaseIterable {
  case linux, rfc
}

/// `tcp_syncookies`: when a SYN is answered without remembering it (SYS-1, RFC 4987 §3.6).
public enum SYNCookieMode: UInt8, Sendable, CaseIterable {
  case off, onOverflow, always
}

/// `tcp_tw_reuse`: which active opens may take a TIME-WAIT pair over (SYS-3).
public enum TimeWaitReuse: UInt8, Sendable, CaseIterable {
  case never, always, loopbackOnly
}

/// `tcp_timestamps`: whether new connections use them, and from where their clock counts (SYS-23).
public enum TimestampMode: UInt8, Sendable, CaseIterable {
  case off, randomOffset, noOffset
}

/// `tcp_ecn`: which connections may use explicit congestion notification (SYS-29, RFC 3168).
public enum ECNMode: UInt8, Sendable, CaseIterable {
  /// None.
  case off
  /// Ours ask for it, and it is granted to those that ask.
  case request
  /// Those whose peer asks for it.
  case accept
}

/// `tcp_congestion_control`, under Linux's names.
public enum CongestionAlgorithm: String, Sendable, CaseIterable, BitwiseCopyable {
  case cubic, reno
}

/// `ip_no_pmtu_disc`: what comes of a router's word that a packet was too big. Unless discovery is on our
/// packets may be cut on their way, and need no such word.
public enum PathMTUDiscovery: UInt8, Sendable, CaseIterable {
  case on
  /// The path is taken for the narrowest there may be, whatever the router says.
  case off
  case ignoringMessages
  /// What TCP has checked is believed, as always here; Linux means other protocols by it.
  case checked
}

/// `tcp_mtu_probing`: whether larger segments are sent to see what the path takes (RFC 4821).
public enum PathProbing: UInt8, Sendable, CaseIterable {
  case off, onBlackHole, always
}

public struct StackSettings: Sendable {
  public let profile: Profile

  // The interface
  /// Largest IP packet on the link, in octets: 68 to 65,535.
  public var mtu = 1500
  /// `ip_default_ttl`, 1 to 255 (R9293-MUST-49).
  public var timeToLive: UInt8 = 64

  // Limits
  public var maximumConnections = 1 << 20
  /// `tcp_max_tw_buckets`: past it a connection skips TIME-WAIT (SYS-6).
  public var maximumTimeWait = 131_072
  /// `tcp_max_syn_backlog`: half-open connections of the whole stack while cookies are off, the last
  /// quarter of them only for peers that have been connected before (SYS-2).
  public var maximumHalfOpen = 4096
  /// `tcp_max_orphans`: connections that no program holds; one more is reset at once (SYS-15).
  public var maximumOrphans = 131_072
  /// `somaxconn`: the largest backlog of a listener.
  public var maximumBacklog = 4096

  // Opening
  /// `tcp_syn_retries`.
  public var synRetries = 6
  /// `tcp_syn_linear_timeouts`: SYNs repeated at the initial RTO before it doubles (SYS-11).
  public var synLinearTimeouts = 4
  /// `tcp_synack_retries` (SYS-12).
  public var synAckRetries = 5
  /// `ip_local_port_range` (SYS-17).
  public var localPorts: ClosedRange<UInt16> = 32768...60999
  /// `ip_local_reserved_ports`: never chosen by us.
  public var reservedPorts: [UInt16] = []
  /// `tcp_timestamps`.
  public var timestamps = TimestampMode.randomOffset
  /// `tcp_window_scaling`.
  public var windowScaling = true
  /// `tcp_ecn`.
  public var ecn = ECNMode.accept
  /// `tcp_accecn`, which Linux has as further values of `tcp_ecn`: the same in its accurate form (RFC 9768)
  /// where the peer understands that.
  public var usesAccurateECN = false
  /// `tcp_ecn_fallback`: a SYN that asked for ECN and was not answered, or reset, is repeated without.
  public var fallsBackFromECN = true
  /// `tcp_abort_on_overflow`: the last ACK of a handshake is answered with a reset while the accept
  /// queue is full (SYS-10).
  public var abortOnOverflow = false
  /// `tcp_fastopen`: who may send and take text on a SYN, if its program asks for it (RFC 7413).
  public var fastOpen = FastOpenMode.client
  /// `tcp_fastopen_key`; `nil`: drawn from the stack's secret.
  public var fastOpenKeys: FastOpenKeys? = nil
  /// `tcp_fastopen_blackhole_timeout_sec`: how long nothing is tried after several timeouts; zero: go on.
  public var fastOpenBlackHolePause = Interval.zero
  /// `tcp_syncookies`.
  public var synCookies = SYNCookieMode.onOverflow

  // Retransmission (RFC 6298)
  public var initialRetransmissionTimeout = Interval.seconds(1)
  /// `tcp_rto_min_us` (SYS-25).
  public var minimumRetransmissionTimeout: Interval
  public var maximumRetransmissionTimeout = Interval.seconds(120)
  /// `tcp_retries1`: R1 of RFC 9293 §3.8.3.
  public var retries1 = 3
  /// `tcp_retries2`: R2, as the time that so many doublings of the minimum RTO take (SYS-14).
  public var retries2 = 15
  /// The longest time that a peer's user timeout option may make us wait (RFC 5482, U_LIMIT), at least 100 s;
  /// zero: the option is neither sent nor read (UTO-1). Linux does not know the option.
  public var userTimeoutLimit = Interval.zero
  /// `tcp_orphan_retries`; 0 means 8.
  public var orphanRetries = 0

  // Acknowledging
  public var delayedAcknowledgment = Interval.milliseconds(40)
  /// Segments acknowledged at once at the start of a connection, while the peer is in slow start.
  public var quickAcknowledgments: UInt8 = 16
  /// `tcp_invalid_ratelimit`: least time between answers to invalid segments (SEC-8); zero: no limit.
  public var invalidReplyInterval = Interval.milliseconds(500)
  /// `tcp_challenge_ack_limit`: challenge ACKs of the whole stack in a second, half as many to one and
  /// a half times as many by chance; `Int32.max`: no limit (SYS-18, SEC-9).
  public var challengeLimit = Int(Int32.max)
  /// RFC 7323 §3.2 says to drop a segment that lacks the negotiated timestamp; Linux takes it (DEC-4).
  public var acceptsMissingTimestamp: Bool

  // Congestion control
  /// `tcp_congestion_control`, of new connections (SYS-21).
  public var congestionAlgorithm = CongestionAlgorithm.cubic
  /// HyStart++ ends the first slow start when the round trip grows (RFC 9406).
  public var usesHyStart = true

  /// Keep a congestion window that the program does not use for five minutes (RFC 7661) instead of
  /// `restartsAfterIdle`; costs an idle connection its activity block as long. Off, as the RFC is experimental.
  public var keepsUnusedWindow = false
  /// Spread a flight over its round trip where that is long enough and the window large.
  public var usesPacing = true
  /// `tcp_pacing_ss_ratio`, `tcp_pacing_ca_ratio`: per cent of window / round trip, in slow start below
  /// half the threshold and above.
  public var pacingRatioInSlowStart = 200
  public var pacingRatio = 120

  // Loss recovery
  /// `tcp_sack`: offer and accept selective acknowledgments (RFC 2018).
  public var usesSACK = true
  /// `tcp_dsack`: report what arrived twice (RFC 2883).
  public var reportsDuplicates = true
  /// `tcp_recovery`: RACK decides what is lost, by time (RFC 8985); without, three segments SACKed above
  /// it do (RFC 6675).
  public var usesRACK = true
  /// The window shrinks in proportion to what arrives (PRR, RFC 9937); without, at once (RFC 6675).
  public var usesProportionalReduction = true
  /// `tcp_early_retrans`: probe for a lost tail (RFC 8985 §7).
  public var usesTailLossProbe = true
  /// `tcp_reordering`: segments beyond a missing one that say it is lost, 1 to 255: DupThresh of RFC 5681
  /// and 6675, and where RACK stops waiting (RFC 8985, SYS-31).
  public var reorderingThreshold = 3
  /// `tcp_frto`: watch whether a timeout was spurious (RFC 5682).
  public var usesForwardRTO = true

  // Sending
  /// `tcp_slow_start_after_idle`: after an idle RTO the congestion window is the initial one (SYS-24).
  public var restartsAfterIdle = true
  /// `tcp_min_snd_mss`: a peer may announce less, but is not believed (SEC-29).
  public var minimumSegmentSize = 48

  // The path's MTU (RFC 1191, RFC 4821)
  /// `ip_no_pmtu_disc`.
  public var pathMTUDiscovery = PathMTUDiscovery.on
  /// `route/min_pmtu`: a router may report less, but is not believed (PMTU-6).
  public var minimumPathMTU = 552
  /// `tcp_mtu_probing` (PMTU-8).
  public var pathProbing = PathProbing.off
  /// `tcp_base_mss`: where a search for the path's MTU begins, headers taken off.
  public var baseSegmentSize = 1024

  // Buffers
  /// `tcp_mem`: what all connections together may hold (SEC-28).
  public var memory = MemoryMarks()
  /// `tcp_moderate_rcvbuf`: the receive window grows while the reader keeps up (SYS-35).
  public var growsReceiveBuffer = true
  /// What a reader that is behind may leave unread while memory is short, and have a window.
  public var leastReceiveBuffer = 2048
  /// First receive window, in octets.
  public var receiveBuffer = 65_536
  /// What a receive window grows to while the reader keeps up.
  public var maximumReceiveBuffer = 16 << 20
  /// What a program may have written and not acknowledged while memory is short.
  public var leastSendBuffer = 4096
  public var sendBuffer = 64 << 10
  /// What a send buffer grows to while the congestion window does.
  public var maximumSendBuffer = 16 << 20

  /// `tcp_notsent_lowat`: a connection is writable only while fewer octets than this wait to be sent.
  public var notSentLowMark: UInt32 = .max
  /// `tcp_shrink_window`: a window may be offered smaller than before, which RFC 9293 discourages
  /// (SHLD-14). What was ever offered is taken all the same (SYS-35).
  public var shrinksWindow = false

  // Closing
  /// 2MSL: how long TIME-WAIT lasts (TW-1).
  public var timeWaitInterval: Interval
  /// `tcp_fin_timeout`: how long an orphan waits in FIN-WAIT-2 (SYS-9).
  public var finTimeout = Interval.seconds(60)
  /// `tcp_rfc1337`: ignore resets in TIME-WAIT (TW-4).
  public var ignoresResetInTimeWait = false
  /// `tcp_tw_reuse`.
  public var timeWaitReuse = TimeWaitReuse.loopbackOnly
  /// `tcp_tw_recycle`, which Linux had until 4.12: TIME-WAIT lasts 3.5 RTO, and a SYN whose timestamp
  /// is older than the last one from its host is dropped, which shuts out hosts behind one address
  /// (SYS-4). Here to be watched, not to be used.
  public var recyclesTimeWait = false
  /// Whether anything in its place with an ACK restarts 2MSL, as Linux has it (SYS-7), or a repeated
  /// FIN and PAWS only (RFC 9293 §3.10.7.4, RFC 7323 §5.3).
  public var restartsTimeWaitFreely: Bool

  // Keep-alive (SYS-20), for connections that ask for it
  public var keepAlive = KeepAlive()

  // Reassembly of fragments (RFC 1122 §3.3.2)
  /// `ipfrag_time`: how long fragments wait for the rest of their datagram (FRAG-2, SYS-34).
  public var reassemblyTimeout: Interval
  /// `ipfrag_high_thresh`: octets that they may occupy together, those of one host a quarter of it;
  /// past it the oldest go (FRAG-6).
  public var reassemblyMemory = 4 << 20
  /// `ipfrag_max_dist`: how many fragments of other datagrams of a host may come between two of one; 0: any
  /// number (SYS-34).
  public var maximumFragmentDistance = 64

  // ICMP
  /// `icmp_msgs_per_sec`, `icmp_msgs_burst` (SYS-37).
  public var icmpErrorsPerSecond = 1000
  public var icmpErrorBurst = 50
  /// `icmp_ratelimit`: time in which one host gets one error of a type in the mask; zero: no limit.
  public var icmpTargetInterval = Interval.seconds(1)
  /// `icmp_ratemask`: a bit for each type of message the limits are for.
  public var icmpLimitedTypes: UInt32 = 6168
  /// `icmp_echo_ignore_all`.
  public var ignoresEcho = false

  // Urgent
  /// `tcp_stdurg`: the urgent pointer names the last urgent octet, as RFC 1122 once had it (SYS-38).
  public var urgentPointsToLast = false

  public init(profile: Profile = .linux) {
    self.profile = profile
    switch profile {
    case .linux:
      minimumRetransmissionTimeout = .milliseconds(200)
      acceptsMissingTimestamp = true
      timeWaitInterval = .seconds(60)
      reassemblyTimeout = .seconds(30)
      restartsTimeWaitFreely = true
    case .rfc:
      minimumRetransmissionTimeout = .seconds(1)  // RFC 6298 §2.4
      acceptsMissingTimestamp = false
      restartsTimeWaitFreely = false
      timeWaitInterval = .seconds(240)  // RFC 9293 §3.4.2: MSL is 2 minutes
      reassemblyTimeout = .seconds(60)  // RFC 1122 §3.3.2: from 60 to 120 seconds
      synRetries = 7  // RFC 9293 MUST-23: R2 of a SYN is at least 3 minutes
      synLinearTimeouts = 0
    }
  }
}

extension StackSettings {
  /// PMTU-1: packets carry DF.
  var forbidsFragments: Bool { pathMTUDiscovery == .on }

  /// The list is sorted (`clamped`), and asked for every port that is tried.
  func isReserved(_ port: Port) -> Bool {
    var low = 0
    var high = reservedPorts.count
    while low < high {
      let middle = (low + high) / 2
      if reservedPorts[middle] < port.rawValue { low = middle + 1 } else { high = middle }
    }
    return low < reservedPorts.count && reservedPorts[low] == port.rawValue
  }

  /// The same with every value that the engine could not honour brought to the nearest it can.
  var clamped: StackSettings {
    var settings = self
    settings.mtu = min(max(mtu, 68), 65_535)
    settings.timeToLive = max(timeToLive, 1)
    settings.minimumSegmentSize = min(max(minimumSegmentSize, 48), 65_495)
    settings.receiveBuffer = min(max(receiveBuffer, 1), BufferPool.largest)
    settings.maximumReceiveBuffer = min(
      max(maximumReceiveBuffer, settings.receiveBuffer), BufferPool.largest)
    settings.sendBuffer = min(max(sendBuffer, 1), BufferPool.largest)
    settings.maximumSendBuffer = min(
      max(maximumSendBuffer, settings.sendBuffer), BufferPool.largest)
    settings.memory.limit = max(memory.limit, 0)
    settings.memory.pressure = min(max(memory.pressure, 0), settings.memory.limit)
    settings.memory.low = min(max(memory.low, 0), settings.memory.pressure)
    // The table counts 24 bits of sixteenths of a second.
    settings.timeWaitInterval = min(timeWaitInterval, .seconds(86_400 * 5))
    if userTimeoutLimit > .zero {
      settings.userTimeoutLimit = max(userTimeoutLimit, UserTimeoutOption.lowerLimit)
    }
    settings.invalidReplyInterval = min(invalidReplyInterval, .seconds(8))
    settings.challengeLimit = max(challengeLimit, 0)
    settings.minimumPathMTU = min(max(minimumPathMTU, 68), 65_535)
    settings.baseSegmentSize = min(max(baseSegmentSize, 48), 65_495)
    settings.reassemblyMemory = max(reassemblyMemory, 0)
    settings.reservedPorts = reservedPorts.sorted()
    settings.localPorts = max(localPorts.lowerBound, 1)...max(localPorts.upperBound, 1)
    settings.pacingRatioInSlowStart = min(max(pacingRatioInSlowStart, 1), 1000)
    settings.pacingRatio = min(max(pacingRatio, 1), 1000)
    settings.reorderingThreshold = min(max(reorderingThreshold, 1), 255)
    // Retransmissions are counted in an octet; Linux has the same bounds.
    settings.synRetries = min(max(synRetries, 0), 127)
    settings.synLinearTimeouts = min(max(synLinearTimeouts, 0), 127)
    settings.synAckRetries = min(max(synAckRetries, 0), 255)
    settings.retries1 = min(max(retries1, 0), 255)
    settings.retries2 = min(max(retries2, 0), 255)
    settings.orphanRetries = min(max(orphanRetries, 0), 255)
    return settings
  }
}

/// When an idle connection is probed (RFC 9293 §3.8.4).
public struct KeepAlive: Hashable, Sendable, BitwiseCopyable {
  /// `tcp_keepalive_time`: seconds without a segment before the first probe.
  public var idleSeconds: UInt32 = 7200
  /// `tcp_keepalive_intvl`: seconds between probes.
  public var intervalSeconds: UInt16 = 75
  /// `tcp_keepalive_probes`: unanswered probes that end the connection.
  public var probes: UInt8 = 9

  public init() {}
}

/// What a program may decide for one connection. The largest first: a million connections have it.
public struct ConnectionOptions: Sendable, BitwiseCopyable {
  /// R2 for this connection (MUST-21); `nil`: the stack's, `.forever`: never give up.
  public var userTimeout: Interval? = nil
  /// Send small segments at once: Nagle off (R9293-MUST-17).
  public var noDelay = false
  /// `TCP_CORK`: send full segments only, and the rest when this is switched off, at the end of the stream,
  /// or 200 ms after all before it was acknowledged. Stronger than `noDelay`.
  public var cork = false
  /// `TCP_QUICKACK`: acknowledge text at once, for as long as this is set.
  public var quickAcknowledgment = false
  /// `SO_RCVBUF`: octets that may lie unread, for good; 0: as the stack's settings say, and as many as
  /// prove useful (SYS-27).
  public var receiveBuffer: UInt32 = 0
  /// `SO_SNDBUF`: octets that may be written and not acknowledged, for good; 0: as the stack's settings
  /// say, and as many as prove useful (SYS-28).
  public var sendBuffer: UInt32 = 0
  /// `TCP_NOTSENT_LOWAT`: writable only while fewer octets than this wait to be sent, so that what is written
  /// is still fresh when it goes; 0: as `StackSettings.notSentLowMark` says.
  public var notSentLowMark: UInt32 = 0
  /// Probe when idle, at these times; `nil`: see `followsKeepAliveSettings`.
  public var keepAlive: KeepAlive? = nil
  /// Probe when idle, as `StackSettings.keepAlive` says; off by default (MUST-24, MUST-25).
  public var followsKeepAliveSettings = false
  /// Differentiated services codepoint, 0 to 63 (MUST-48).
  public var dscp: UInt8 = 0
  /// `TCP_LINGER2`: seconds it waits in FIN-WAIT-2 once the program is gone; 0: as `finTimeout` says,
  /// below 0: not at all, it is reset (SYS-9).
  public var finWaitSeconds: Int16 = 0
  /// `nil` or 0: the stack's (MUST-49).
  public var timeToLive: UInt8? = nil
  /// On an active open: what is written before the SYN has left goes with it, if the server has given us a
  /// cookie (RFC 7413). Such text may arrive twice.
  public var fastOpen = false
  /// Tell of soft errors (SHLD-20).
  public var reportsSoftErrors = true

  public init() {}
}
