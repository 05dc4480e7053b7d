// Packets in: the checks of IP (RFC 1122 §3.2.1), then whose segment it is. Nothing leaves from here;
// answers are queued for `poll`.

extension ProtocolStack {
  /// Takes a batch of packets that arrived at `now`.
  public mutating func receive(_ batch: borrowing IncomingBatch, at now: Instant) {
    advance(to: now)
    receiveLoopback()
    receiveAll(batch, isLoopback: false)
  }

  mutating func receiveLoopback() {
    guard let batch = loopback.take() else { return }
    receiveAll(batch, isLoopback: true)
    loopback.give(batch)
  }

  private mutating func receiveAll(_ batch: borrowing IncomingBatch, isLoopback: Bool) {
    for position in 0..<batch.count {
      receive(
        batch.packet(at: position), offload: batch.offload(at: position), isLoopback: isLoopback)
    }
  }

  private mutating func receive(_ packet: RawSpan, offload: OffloadInfo, isLoopback: Bool) {
    ipCounters.received += 1
    ipCounters.octetsIn += UInt64(packet.byteCount)
    if packet.byteCount > 0, packet.uint8(at: 0) >> 4 == 6 {
      ipCounters.otherVersions += 1
      return
    }
    let header: IPv4Header
    do throws(IPv4Header.Malformation) { header = try IPv4Header(parsing: packet) } catch {
      return count(error)
    }
    count(header.ecn)
    guard isLoopback || accepts(header) else { return }
    if header.isFragment { return fragmentArrives(header, of: packet) }
    deliver(packet, header, offload: offload)
  }

  /// A whole packet for us, which may have come in fragments.
  mutating func deliver(_ packet: RawSpan, _ header: IPv4Header, offload: OffloadInfo) {
    ipCounters.delivered += 1
    let payload = packet.extracting(header.headerCount..<header.totalCount)
    switch header.protocolNumber {
    case IPProtocol.tcp:
      tcpArrives(header, payload, offload)
      if trace.isOn { traceDrops(header, payload) }
    case IPProtocol.icmp: icmpArrives(header, payload)
    case IPProtocol.udp: unreachable(UnreachableCode.port, about: packet, header)  // IP4-13
    default:
      ipCounters.unknownProtocols += 1
      unreachable(UnreachableCode.protocolNumber, about: packet, header)
    }
  }

  private mutating func count(_ malformation: IPv4Header.Malformation) {
    switch malformation {
    case .header, .options: ipCounters.headerErrors += 1
    case .truncated: ipCounters.truncated += 1
    case .sourceRouted: ipCounters.sourceRouted += 1
    }
  }

  private mutating func count(_ codepoint: ECNCodepoint) {
    switch codepoint {
    case .notECT: ipCounters.notECT += 1
    case .ect1: ipCounters.ect1 += 1
    case .ect0: ipCounters.ect0 += 1
    case .ce: ipCounters.congestionExperienced += 1
    }
  }

  /// For us, and from someone who can exist (IP4-3, IP4-4, IP4-5, R9293-MUST-57, MUST-63).
  private mutating func accepts(_ header: IPv4Header) -> Bool {
    guard hosts.isOwn(header.destination) else {
      ipCounters.addressErrors += 1
      return false
    }
    guard hosts.isValidSource(header.source) else {
      ipCounters.martianSources += 1
      return false
    }
    return true
  }

  // MARK: TCP

  private mutating func tcpArrives(
    _ header: IPv4Header, _ payload: RawSpan, _ offload: OffloadInfo
  ) {
    context.counters.segmentsIn += 1
    guard hasValidChecksum(header, payload, offload) else {
      context.counters.inErrors += 1
      context.counters.checksumErrors += 1
      return
    }
    switch TCPSegment.parse(payload, segmentSize: Int(offload.segmentSize)) {
    case .failure(let malformed):
      context.counters.inErrors += 1
      switch malformed.part {
      case .header: context.counters.malformedHeaders += 1
      case .options: context.counters.malformedOptions += 1  // R9293-MUST-7
      }
    case .success(let (parsed, textOffset)):
      var segment = parsed
      segment.ecn = header.ecn
      context.counters.segmentsIn += UInt64(segment.segmentCount - 1)
      let key = ConnectionKey(
        remoteAddress: header.source, remotePort: segment.sourcePort,
        localAddress: header.destination, localPort: segment.destinationPort)
      segmentArrives(segment, payload.extracting(droppingFirst: textOffset), for: key)
    }
  }

  /// R9293-MUST-3; what the device vouches for counts as checked (OFF-1).
  private func hasValidChecksum(
    _ header: IPv4Header, _ payload: RawSpan, _ offload: OffloadInfo
  ) -> Bool {
    switch offload.checksum {
    case .partial, .verified: return true
    case .complete:
      var checksum = IPv4Header.pseudoHeader(
        from: header.source, to: header.destination, protocolNumber: IPProtocol.tcp,
        count: payload.byteCount)
      checksum.add(payload)
      return checksum.isValid
    }
  }

  private mutating func segmentArrives(
    _ segment: TCPSegment, _ text: RawSpan, for key: ConnectionKey
  ) {
    if trace.isOn { traceArrival(segment, for: key) }
    if segment.hasImpossibleFlags { context.counters.impossibleFlags += 1 }
    if segment.carriesUselessFastOpen { context.counters.fastOpenOptionsIgnored += 1 }
    let hash = context.secrets.tableHash(key)
    if let slot = find(key, hash: hash), let id = connections.id(at: slot) {
      connections[slot].segmentsReceived &+= UInt32(segment.segmentCount)
      connections[slot].segmentArrives(segment, text, &context)
      settle(id)
    } else if let slot = synQueue.find(key, hash: hash) {
      arrivesInSynReceived(segment, text, at: slot, hash)
    } else if let place = timeWait.find(key, hash: hash) {
      arrivesInTimeWait(segment, for: key, at: place, hash)
    } else if let listener = listeners.find(key.localPort, key.local.address) {
      arrivesInListen(segment, text, for: key, at: listener, hash)
    } else if !segment.isReset {
      context.reset(key, answering: segment)  // RFC 9293 §3.10.7.1, LC-1
    }
  }
}
