// Which of the stack's counters each of Linux's names is: of TCP (CNT-2), of its extensions (CNT-3,
// CNT-4, CNT-6), of IP and ICMP (CNT-8). A counter that gets a Linux name in Counters.swift gets
// its line here, and with it a place in every table.

import UserTCPRuntime

extension LinuxCounter {
  typealias Field = KeyPath<Counters, UInt64> & Sendable

  static let counted: [String: Field] =
    ip.merging(icmp) { first, _ in first }.merging(tcp) { first, _ in first }
    .merging(tcpExtension) { first, _ in first }

  /// Numbers that are settings, sums, or of a moment.
  static let computed: [String: @Sendable (StackOverview) -> Int64] = [
    "IpForwarding": { _ in 2 },  // a host, no router (RFC 4293)
    "IpDefaultTTL": { Int64($0.settings.timeToLive) },
    "TcpRtoAlgorithm": { _ in 1 },  // as Linux answers; 4 would be RFC 6298
    "TcpRtoMin": { $0.settings.minimumRetransmissionTimeout.nanoseconds / 1_000_000 },
    "TcpRtoMax": { $0.settings.maximumRetransmissionTimeout.nanoseconds / 1_000_000 },
    "TcpMaxConn": { _ in -1 },  // no fixed number
    "TcpCurrEstab": { Int64($0.states.established) },
  ]

  private typealias Sources = [String: Field]

  private static let ip: Sources = [
    "IpInReceives": \.ip.received, "IpInDelivers": \.ip.delivered, "IpOutRequests": \.ip.sent,
    "IpOutTransmits": \.ip.sent, "IpInHdrErrors": \.ip.headerErrors,
    "IpInAddrErrors": \.ip.addressErrors, "IpInUnknownProtos": \.ip.unknownProtocols,
    "IpExtInTruncatedPkts": \.ip.truncated, "IpExtInOctets": \.ip.octetsIn,
    "IpExtOutOctets": \.ip.octetsOut, "IpReasmReqds": \.ip.fragmentsReceived,
    "IpReasmOKs": \.ip.datagramsReassembled, "IpReasmFails": \.ip.reassemblyFailures,
    "IpReasmTimeout": \.ip.reassemblyTimeouts, "IpExtReasmOverlaps": \.ip.fragmentOverlaps,
    "IpExtInNoECTPkts": \.ip.notECT,
    "IpExtInECT1Pkts": \.ip.ect1, "IpExtInECT0Pkts": \.ip.ect0,
    "IpExtInCEPkts": \.ip.congestionExperienced,
  ]

  private static let icmp: Sources = [
    "IcmpInMsgs": \.icmp.received, "IcmpInErrors": \.icmp.errors,
    "IcmpInCsumErrors": \.icmp.checksumErrors, "IcmpOutMsgs": \.icmp.sent,
    "IcmpOutRateLimitGlobal": \.icmp.rateLimited,
    "IcmpOutRateLimitHost": \.icmp.rateLimitedByTarget, "IcmpInEchos": \.icmp.echoesIn,
    "IcmpInDestUnreachs": \.icmp.unreachablesIn, "IcmpInTimeExcds": \.icmp.timesExceededIn,
    "IcmpInParmProbs": \.icmp.parameterProblemsIn, "IcmpOutEchoReps": \.icmp.echoRepliesOut,
    "IcmpOutDestUnreachs": \.icmp.unreachablesOut, "IcmpOutTimeExcds": \.icmp.timesExceededOut,
    "IcmpMsgOutType11": \.icmp.timesExceededOut, "IcmpMsgInType3": \.icmp.unreachablesIn,
    "IcmpMsgInType8": \.icmp.echoesIn, "IcmpMsgInType11": \.icmp.timesExceededIn,
    "IcmpMsgInType12": \.icmp.parameterProblemsIn, "IcmpMsgOutType0": \.icmp.echoRepliesOut,
    "IcmpMsgOutType3": \.icmp.unreachablesOut,
  ]

  private static let tcp: Sources = [
    "TcpActiveOpens": \.tcp.activeOpens, "TcpPassiveOpens": \.tcp.passiveOpens,
    "TcpAttemptFails": \.tcp.attemptFails, "TcpEstabResets": \.tcp.establishedResets,
    "TcpInSegs": \.tcp.segmentsIn, "TcpOutSegs": \.tcp.segmentsOut,
    "TcpRetransSegs": \.tcp.retransmissions, "TcpInErrs": \.tcp.inErrors,
    "TcpOutRsts": \.tcp.resetsOut, "TcpInCsumErrors": \.tcp.checksumErrors,
  ]

  private static let tcpExtension: Sources = Dictionary(
    uniqueKeysWithValues: extensions.map { ("TcpExt\($0.0)", $0.1) })

  private static let extensions: [(String, Field)] = [
    ("SyncookiesSent", \.tcp.synCookiesSent), ("SyncookiesRecv", \.tcp.synCookiesReceived),
    ("SyncookiesFailed", \.tcp.synCookiesFailed), ("EmbryonicRsts", \.tcp.embryonicResets),
    ("OutOfWindowIcmps", \.icmp.outOfWindow), ("TW", \.tcp.timeWaitExpired),
    ("TWRecycled", \.tcp.timeWaitReused), ("TWKilled", \.tcp.timeWaitRecycled),
    ("PAWSActive", \.tcp.pawsRejectedInSynSent), ("PAWSEstab", \.tcp.pawsRejected),
    ("PAWSPassive", \.tcp.pawsRejectedSYNs), ("DelayedACKs", \.tcp.delayedACKs),
    ("DelayedACKLost", \.tcp.delayedACKsLost), ("ListenOverflows", \.tcp.listenOverflows),
    ("ListenDrops", \.tcp.listenDrops), ("TCPPureAcks", \.tcp.pureACKs),
    ("TCPRenoRecovery", \.tcp.fastRecoveries), ("TCPFastRetrans", \.tcp.fastRetransmissions),
    ("TCPSlowStartRetrans", \.tcp.slowStartRetransmissions), ("TCPTimeouts", \.tcp.timeouts),
    ("TCPSackRecovery", \.tcp.sackRecoveries),
    ("TCPLostRetransmit", \.tcp.lostRetransmissions), ("TCPLossProbes", \.tcp.lossProbes),
    ("TCPLossProbeRecovery", \.tcp.lossProbeRecoveries),
    ("TCPSpuriousRTOs", \.tcp.spuriousTimeouts), ("TCPFullUndo", \.tcp.undoneRecoveries),
    ("TCPDSACKRecv", \.tcp.duplicatesReported), ("TCPDSACKOldSent", \.tcp.duplicatesSent),
    ("TCPSACKDiscard", \.tcp.sackBlocksDiscarded),
    ("TCPSACKReneging", \.tcp.sackRenegings),
    ("TCPAbortOnData", \.tcp.abortsOnData), ("TCPAbortOnClose", \.tcp.abortsOnClose),
    ("TCPAbortOnMemory", \.tcp.abortsOnMemory), ("TCPAbortOnTimeout", \.tcp.abortsOnTimeout),
    ("TCPAbortOnLinger", \.tcp.abortsOnLinger),
    ("TCPTimeWaitOverflow", \.tcp.timeWaitOverflow),
    ("TCPReqQFullDoCookies", \.tcp.synQueueFullCookies),
    ("TCPReqQFullDrop", \.tcp.synQueueFullDrops), ("TCPOFOQueue", \.tcp.outOfOrderQueued),
    ("TCPOFODrop", \.tcp.outOfOrderDropped), ("TCPChallengeACK", \.tcp.challengeACKs),
    ("TCPSYNChallenge", \.tcp.synChallenges),
    ("TCPFromZeroWindowAdv", \.tcp.windowsOpenedByUs),
    ("TCPToZeroWindowAdv", \.tcp.windowsShutByUs), ("TCPSynRetrans", \.tcp.synRetransmissions),
    ("TCPACKSkippedSynRecv", \.tcp.skippedReplies.inSynReceived),
    ("TCPACKSkippedPAWS", \.tcp.skippedReplies.paws),
    ("TCPACKSkippedSeq", \.tcp.skippedReplies.sequence),
    ("TCPACKSkippedFinWait2", \.tcp.skippedReplies.inFinWait2),
    ("TCPACKSkippedTimeWait", \.tcp.skippedReplies.inTimeWait),
    ("TCPACKSkippedChallenge", \.tcp.skippedReplies.challenges),
    ("PruneCalled", \.tcp.pruneCalls), ("RcvPruned", \.tcp.receivePruned),
    ("OfoPruned", \.tcp.outOfOrderPruned), ("TCPRcvQDrop", \.tcp.receiveQueueDrops),
    ("TCPMemoryPressures", \.tcp.memoryPressures),
    ("TCPMemoryPressuresChrono", \.tcp.memoryPressureMilliseconds),
    ("TCPFastOpenActive", \.tcp.fastOpenActive),
    ("TCPFastOpenActiveFail", \.tcp.fastOpenActiveFails),
    ("TCPFastOpenPassive", \.tcp.fastOpenPassive),
    ("TCPFastOpenPassiveFail", \.tcp.fastOpenPassiveFails),
    ("TCPFastOpenPassiveAltKey", \.tcp.fastOpenPassiveOldKeys),
    ("TCPFastOpenListenOverflow", \.tcp.fastOpenOverflows),
    ("TCPFastOpenCookieReqd", \.tcp.fastOpenCookieRequests),
    ("TCPFastOpenBlackhole", \.tcp.fastOpenBlackHoles),
    ("TCPDeliveredCE", \.tcp.deliveredMarked),
    ("TCPWinProbe", \.tcp.windowProbes), ("TCPKeepAlive", \.tcp.keepAliveProbes),
    ("TCPMTUPFail", \.tcp.pathProbesLost), ("TCPMTUPSuccess", \.tcp.pathProbesArrived),
  ]
}
