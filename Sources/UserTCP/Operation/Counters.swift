// What happened, counted: one writer, plain integers, grouped by layer, named by what happened. A
// packet that is dropped is counted under the reason. The Linux name of the same event stands
// beside those that have one.

public struct Counters: Sendable, BitwiseCopyable {
  public var ip = IPCounters()
  public var icmp = ICMPCounters()
  public var tcp = TCPCounters()

  public init() {}
}

public struct IPCounters: Sendable, BitwiseCopyable {
  public var received: UInt64 = 0  // InReceives
  public var delivered: UInt64 = 0  // InDelivers
  public var sent: UInt64 = 0  // OutRequests
  public var octetsIn: UInt64 = 0  // InOctets
  public var octetsOut: UInt64 = 0  // OutOctets
  public var headerErrors: UInt64 = 0  // InHdrErrors: version, lengths, checksum, options
  public var truncated: UInt64 = 0  // InTruncatedPkts
  public var addressErrors: UInt64 = 0  // InAddrErrors: not addressed to us
  public var martianSources: UInt64 = 0
  public var sourceRouted: UInt64 = 0
  public var fragmentsReceived: UInt64 = 0  // ReasmReqds
  public var datagramsReassembled: UInt64 = 0  // ReasmOKs
  public var reassemblyFailures: UInt64 = 0  // ReasmFails: for whatever reason, those below too
  public var reassemblyTimeouts: UInt64 = 0  // ReasmTimeout
  public var fragmentOverlaps: UInt64 = 0  // ReasmOverlaps
  // What came by its ECN codepoint; a super-segment counts once
  public var notECT: UInt64 = 0  // InNoECTPkts
  public var ect1: UInt64 = 0  // InECT1Pkts
  public var ect0: UInt64 = 0  // InECT0Pkts
  public var congestionExperienced: UInt64 = 0  // InCEPkts
  public var unknownProtocols: UInt64 = 0  // InUnknownProtos
  /// IPv6 packets, which are not spoken yet.
  public var otherVersions: UInt64 = 0
  /// Frames to ourselves that found the internal queue full.
  public var loopbackDropped: UInt64 = 0

  public init() {}
}

public struct ICMPCounters: Sendable, BitwiseCopyable {
  public var received: UInt64 = 0  // InMsgs
  public var errors: UInt64 = 0  // InErrors: too short, or a quotation that makes no sense
  public var checksumErrors: UInt64 = 0  // InCsumErrors
  public var sent: UInt64 = 0  // OutMsgs
  public var rateLimited: UInt64 = 0  // OutRateLimitGlobal
  public var rateLimitedByTarget: UInt64 = 0  // OutRateLimitHost
  public var ignored: UInt64 = 0  // unknown types, source quench, redirects, broadcast echoes
  public var outOfWindow: UInt64 = 0  // OutOfWindowIcmps
  /// Echo requests beyond the number that may wait for `poll`.
  public var echoesDropped: UInt64 = 0
  // By type, of messages that were well formed
  public var echoesIn: UInt64 = 0  // InEchos
  public var unreachablesIn: UInt64 = 0  // InDestUnreachs
  public var timesExceededIn: UInt64 = 0  // InTimeExcds
  public var parameterProblemsIn: UInt64 = 0  // InParmProbs
  public var echoRepliesOut: UInt64 = 0  // OutEchoReps
  public var unreachablesOut: UInt64 = 0  // OutDestUnreachs
  public var timesExceededOut: UInt64 = 0  // OutTimeExcds

  public init() {}
}

public struct TCPCounters: Sendable, BitwiseCopyable {
  public var activeOpens: UInt64 = 0
  public var passiveOpens: UInt64 = 0
  public var attemptFails: UInt64 = 0
  public var establishedResets: UInt64 = 0  // EstabResets
  public var segmentsIn: UInt64 = 0  // InSegs, bad ones included
  public var segmentsOut: UInt64 = 0  // OutSegs, without retransmissions
  public var retransmissions: UInt64 = 0  // RetransSegs
  public var inErrors: UInt64 = 0  // InErrs
  public var checksumErrors: UInt64 = 0  // InCsumErrors
  public var resetsOut: UInt64 = 0  // OutRsts
  public var malformedHeaders: UInt64 = 0
  public var malformedOptions: UInt64 = 0
  public var impossibleFlags: UInt64 = 0
  public var windowShiftsTooLarge: UInt64 = 0
  public var userTimeoutsReceived: UInt64 = 0  // options of RFC 5482 that were taken
  public var userTimeoutsRefused: UInt64 = 0  // of value zero
  public var segmentSizesTooSmall: UInt64 = 0  // an MSS below `tcp_min_snd_mss`

  // Arrival
  public var segmentsOutOfWindow: UInt64 = 0
  public var segmentsWithoutACK: UInt64 = 0
  public var segmentsWithoutTimestamp: UInt64 = 0
  public var pawsRejected: UInt64 = 0  // PAWSEstab
  public var pawsRejectedInSynSent: UInt64 = 0  // PAWSActive
  public var pawsRejectedSYNs: UInt64 = 0  // PAWSPassive, by `tcp_tw_recycle`
  public var acknowledgmentsOfNothing: UInt64 = 0
  public var challengeACKs: UInt64 = 0  // TCPChallengeACK
  public var synChallenges: UInt64 = 0  // TCPSYNChallenge
  public var skippedReplies = SkippedReplies()
  public var pureACKs: UInt64 = 0  // TCPPureAcks
  public var outOfOrderQueued: UInt64 = 0  // TCPOFOQueue
  public var outOfOrderDropped: UInt64 = 0  // TCPOFODrop
  public var delayedACKs: UInt64 = 0  // DelayedACKs
  public var delayedACKsLost: UInt64 = 0  // DelayedACKLost: the peer sent again meanwhile
  public var repliesDropped: UInt64 = 0  // the queue of replies was full

  // Recovery
  public var timeouts: UInt64 = 0  // TCPTimeouts
  public var fastRetransmissions: UInt64 = 0  // TCPFastRetrans
  public var slowStartRetransmissions: UInt64 = 0  // TCPSlowStartRetrans
  public var fastRecoveries: UInt64 = 0  // TCPRenoRecovery
  public var sackRecoveries: UInt64 = 0  // TCPSackRecovery
  public var lostRetransmissions: UInt64 = 0  // TCPLostRetransmit
  public var lossProbes: UInt64 = 0  // TCPLossProbes
  public var lossProbeRecoveries: UInt64 = 0  // TCPLossProbeRecovery
  public var spuriousTimeouts: UInt64 = 0  // TCPSpuriousRTOs
  public var undoneRecoveries: UInt64 = 0  // TCPFullUndo
  public var duplicatesReported: UInt64 = 0  // TCPDSACKRecv
  public var duplicatesSent: UInt64 = 0  // TCPDSACKOldSent
  public var sackBlocksDiscarded: UInt64 = 0  // TCPSACKDiscard
  public var sackRenegings: UInt64 = 0  // TCPSACKReneging
  /// Windows cut because the peer echoed a mark.
  public var windowsCutByECN: UInt64 = 0
  public var deliveredMarked: UInt64 = 0  // TCPDeliveredCE: segments whose ACK echoed a mark
  /// ECE or CWR on connections that have not agreed on ECN; they mean nothing there.
  public var ecnNotAgreed: UInt64 = 0
  public var synRetransmissions: UInt64 = 0  // TCPSynRetrans
  public var windowProbes: UInt64 = 0  // TCPWinProbe
  public var keepAliveProbes: UInt64 = 0  // TCPKeepAlive
  public var pathProbesLost: UInt64 = 0  // TCPMTUPFail
  public var pathProbesArrived: UInt64 = 0  // TCPMTUPSuccess

  // Windows
  public var windowsShutByUs: UInt64 = 0  // TCPToZeroWindowAdv
  public var windowsOpenedByUs: UInt64 = 0  // TCPFromZeroWindowAdv

  // Memory
  public var memoryPressures: UInt64 = 0  // TCPMemoryPressures: it began to be short
  /// TCPMemoryPressuresChrono: of those times that are over.
  public var memoryPressureMilliseconds: UInt64 = 0
  public var pruneCalls: UInt64 = 0  // PruneCalled: text in order found no memory
  public var outOfOrderPruned: UInt64 = 0  // OfoPruned: runs behind a gap were forgotten for it
  public var receivePruned: UInt64 = 0  // RcvPruned: and that was not enough
  public var receiveQueueDrops: UInt64 = 0  // TCPRcvQDrop: it was dropped

  // Listening
  public var listenDrops: UInt64 = 0  // ListenDrops
  public var listenOverflows: UInt64 = 0  // ListenOverflows: the accept queue was full
  public var embryonicResets: UInt64 = 0  // EmbryonicRsts
  public var synQueueFullCookies: UInt64 = 0  // TCPReqQFullDoCookies
  public var synQueueFullDrops: UInt64 = 0  // TCPReqQFullDrop
  public var synCookiesSent: UInt64 = 0  // SyncookiesSent
  public var synCookiesReceived: UInt64 = 0  // SyncookiesRecv
  public var synCookiesFailed: UInt64 = 0  // SyncookiesFailed

  // Fast Open (RFC 7413)
  public var fastOpenActive: UInt64 = 0  // TCPFastOpenActive: text on our SYN was taken
  public var fastOpenActiveFails: UInt64 = 0  // TCPFastOpenActiveFail: it was not
  public var fastOpenPassive: UInt64 = 0  // TCPFastOpenPassive: opened by a cookie
  public var fastOpenPassiveFails: UInt64 = 0  // TCPFastOpenPassiveFail: the cookie was not ours
  public var fastOpenPassiveOldKeys: UInt64 = 0  // TCPFastOpenPassiveAltKey
  public var fastOpenOverflows: UInt64 = 0  // TCPFastOpenListenOverflow: too many at once
  public var fastOpenCookieRequests: UInt64 = 0  // TCPFastOpenCookieReqd
  public var fastOpenBlackHoles: UInt64 = 0  // TCPFastOpenBlackhole
  public var fastOpenOptionsIgnored: UInt64 = 0  // of a length that cannot be, or not on a SYN
  public var synTextsIgnored: UInt64 = 0  // text on a SYN that opened nothing

  // Closing
  public var abortsOnData: UInt64 = 0  // TCPAbortOnData: by the program, or text after its close
  public var abortsOnClose: UInt64 = 0  // TCPAbortOnClose
  public var abortsOnMemory: UInt64 = 0  // TCPAbortOnMemory: of orphans
  public var abortsOnTimeout: UInt64 = 0  // TCPAbortOnTimeout
  public var abortsOnLinger: UInt64 = 0  // TCPAbortOnLinger: nobody was to wait in FIN-WAIT-2
  public var timeWaitExpired: UInt64 = 0  // TW
  public var timeWaitReused: UInt64 = 0  // TWRecycled: by an active open
  public var timeWaitReopened: UInt64 = 0  // by a SYN
  public var timeWaitRecycled: UInt64 = 0  // TWKilled: gone after 3.5 RTO, by `tcp_tw_recycle`
  public var timeWaitKilled: UInt64 = 0  // by a reset; Linux does not count these
  public var timeWaitOverflow: UInt64 = 0  // TCPTimeWaitOverflow

  public init() {}
}

/// Answers to invalid segments that were kept back because the last one was too recent (SEC-8), by
/// what the segment was or whom it met.
public struct SkippedReplies: Sendable, BitwiseCopyable {
  public var inSynReceived: UInt64 = 0  // TCPACKSkippedSynRecv
  public var paws: UInt64 = 0  // TCPACKSkippedPAWS
  public var sequence: UInt64 = 0  // TCPACKSkippedSeq
  public var inFinWait2: UInt64 = 0  // TCPACKSkippedFinWait2, of an orphan
  public var inTimeWait: UInt64 = 0  // TCPACKSkippedTimeWait
  public var challenges: UInt64 = 0  // TCPACKSkippedChallenge

  public init() {}

  public var total: UInt64 {
    inSynReceived + paws + sequence + inFinWait2 + inTimeWait + challenges
  }
}

/// How often those limits were met that an operator wants to hear of at once; each also counts above.
public struct OverflowCounts: Equatable, Sendable, BitwiseCopyable {
  public var timeWait: UInt64 = 0
  public var orphans: UInt64 = 0
  public var synCookies: UInt64 = 0
  public var synDrops: UInt64 = 0

  public init() {}
}
