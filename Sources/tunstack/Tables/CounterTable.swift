// The counters under the names that Linux gives them, in the order of its files (CNT-1 to CNT-8):
// the one table behind /proc/net/snmp, /proc/net/netstat, `nstat`, `netstat -s` and /metrics. A
// name without a value here is of something this stack does not do; it stands in the files as 0, so
// that what reads them by place keeps working.

import UserTCPRuntime

/// One counter of Linux's.
struct LinuxCounter: Sendable {
  /// The line it stands on.
  enum Section: String, Sendable, CaseIterable {
    case ip = "Ip"
    case icmp = "Icmp"
    case icmpMessages = "IcmpMsg"
    case tcp = "Tcp"
    case udp = "Udp"
    case udpLite = "UdpLite"
    case tcpExtension = "TcpExt"
    case ipExtension = "IpExt"

    /// The lines of /proc/net/snmp; the others are those of /proc/net/netstat.
    static let basic: [Section] = [.ip, .icmp, .icmpMessages, .tcp, .udp, .udpLite]
  }

  let section: Section
  let name: String
  let value: @Sendable (StackOverview) -> Int64

  /// `TcpActiveOpens`, as `nstat` writes it.
  var joinedName: String { section.rawValue + name }

  /// Not a count but a setting or a present number, which `nstat` leaves out.
  var isState: Bool { Self.states.contains(joinedName) }

  private static let states: Set<String> = [
    "IpForwarding", "IpDefaultTTL", "TcpRtoAlgorithm", "TcpRtoMin", "TcpRtoMax", "TcpMaxConn",
    "TcpCurrEstab",
  ]
}

extension LinuxCounter {
  static let all: [LinuxCounter] = Section.allCases.flatMap { section in
    names(section).split(separator: " ").map { name in
      LinuxCounter(section: section, name: String(name), value: source(section, String(name)))
    }
  }

  private static func source(
    _ section: Section, _ name: String
  ) -> @Sendable (StackOverview) -> Int64 {
    if let counter = counted[section.rawValue + name] {
      return { Int64(clamping: $0.counters[keyPath: counter]) }
    }
    if let number = computed[section.rawValue + name] { return number }
    return { _ in 0 }
  }

  private static func names(_ section: Section) -> String {
    switch section {
    case .ip:
      """
      Forwarding DefaultTTL InReceives InHdrErrors InAddrErrors ForwDatagrams InUnknownProtos \
      InDiscards InDelivers OutRequests OutDiscards OutNoRoutes ReasmTimeout ReasmReqds ReasmOKs \
      ReasmFails FragOKs FragFails FragCreates OutTransmits
      """
    case .icmp:
      """
      InMsgs InErrors InCsumErrors InDestUnreachs InTimeExcds InParmProbs InSrcQuenchs InRedirects \
      InEchos InEchoReps InTimestamps InTimestampReps InAddrMasks InAddrMaskReps OutMsgs OutErrors \
      OutRateLimitGlobal OutRateLimitHost OutDestUnreachs OutTimeExcds OutParmProbs OutSrcQuenchs \
      OutRedirects OutEchos OutEchoReps OutTimestamps OutTimestampReps OutAddrMasks OutAddrMaskReps
      """
    case .icmpMessages: "InType3 InType8 InType11 InType12 OutType0 OutType3 OutType11"
    case .tcp:
      """
      RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab \
      InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
      """
    case .udp, .udpLite:
      """
      InDatagrams NoPorts InErrors OutDatagrams RcvbufErrors SndbufErrors InCsumErrors IgnoredMulti \
      MemErrors
      """
    case .tcpExtension: tcpExtensionNames
    case .ipExtension:
      """
      InNoRoutes InTruncatedPkts InMcastPkts OutMcastPkts InBcastPkts OutBcastPkts InOctets \
      OutOctets InMcastOctets OutMcastOctets InBcastOctets OutBcastOctets InCsumErrors InNoECTPkts \
      InECT1Pkts InECT0Pkts InCEPkts ReasmOverlaps
      """
    }
  }

  private static let tcpExtensionNames = """
    SyncookiesSent SyncookiesRecv SyncookiesFailed EmbryonicRsts PruneCalled RcvPruned OfoPruned \
    OutOfWindowIcmps LockDroppedIcmps ArpFilter TW TWRecycled TWKilled PAWSActive PAWSEstab \
    PAWSPassive BeyondWindow TSEcrRejected PAWSOldAck PAWSTimewait DelayedACKs DelayedACKLocked \
    DelayedACKLost ListenOverflows ListenDrops TCPHPHits TCPPureAcks TCPHPAcks TCPRenoRecovery \
    TCPSackRecovery TCPSACKReneging TCPSACKReorder TCPRenoReorder TCPTSReorder TCPFullUndo \
    TCPPartialUndo TCPDSACKUndo TCPLossUndo TCPLostRetransmit TCPRenoFailures TCPSackFailures \
    TCPLossFailures TCPFastRetrans TCPSlowStartRetrans TCPTimeouts TCPLossProbes \
    TCPLossProbeRecovery TCPRenoRecoveryFail TCPSackRecoveryFail TCPRcvCollapsed \
    TCPBacklogCoalesce TCPDSACKOldSent TCPDSACKOfoSent TCPDSACKRecv TCPDSACKOfoRecv \
    TCPAbortOnData TCPAbortOnClose TCPAbortOnMemory TCPAbortOnTimeout TCPAbortOnLinger \
    TCPAbortFailed TCPMemoryPressures TCPMemoryPressuresChrono TCPSACKDiscard TCPDSACKIgnoredOld \
    TCPDSACKIgnoredNoUndo TCPSpuriousRTOs TCPMD5NotFound TCPMD5Unexpected TCPMD5Failure \
    TCPSackShifted TCPSackMerged TCPSackShiftFallback TCPBacklogDrop PFMemallocDrop \
    TCPMinTTLDrop TCPDeferAcceptDrop IPReversePathFilter TCPTimeWaitOverflow \
    TCPReqQFullDoCookies TCPReqQFullDrop TCPRetransFail TCPRcvCoalesce TCPOFOQueue TCPOFODrop \
    TCPOFOMerge TCPChallengeACK TCPSYNChallenge TCPFastOpenActive TCPFastOpenActiveFail \
    TCPFastOpenPassive TCPFastOpenPassiveFail TCPFastOpenListenOverflow TCPFastOpenCookieReqd \
    TCPFastOpenBlackhole TCPSpuriousRtxHostQueues BusyPollRxPackets TCPAutoCorking \
    TCPFromZeroWindowAdv TCPToZeroWindowAdv TCPWantZeroWindowAdv TCPSynRetrans TCPOrigDataSent \
    TCPHystartTrainDetect TCPHystartTrainCwnd TCPHystartDelayDetect TCPHystartDelayCwnd \
    TCPACKSkippedSynRecv TCPACKSkippedPAWS TCPACKSkippedSeq TCPACKSkippedFinWait2 \
    TCPACKSkippedTimeWait TCPACKSkippedChallenge TCPWinProbe TCPKeepAlive TCPMTUPFail \
    TCPMTUPSuccess TCPDelivered TCPDeliveredCE TCPAckCompressed TCPZeroWindowDrop TCPRcvQDrop \
    TCPWqueueTooBig TCPFastOpenPassiveAltKey TcpTimeoutRehash TcpDuplicateDataRehash \
    TCPDSACKRecvSegs TCPDSACKIgnoredDubious TCPMigrateReqSuccess TCPMigrateReqFailure \
    TCPPLBRehash
    """
}
