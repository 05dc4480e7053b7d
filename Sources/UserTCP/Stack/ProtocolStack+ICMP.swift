// ICMP in and its consequences (RFC 1122 §3.2.2, RFC 9293 §3.9.2.2): echoes answered, errors handed to
// the connection they quote, and the errors that we owe others.

extension ProtocolStack {
  mutating func icmpArrives(_ header: IPv4Header, _ payload: RawSpan) {
    icmpCounters.received += 1
    guard let message = ICMPMessage(parsing: payload) else {
      icmpCounters.errors += 1
      return
    }
    guard ICMPMessage.hasValidChecksum(payload) else {
      icmpCounters.checksumErrors += 1  // ICMP4-2
      return
    }
    let body = payload.extracting(droppingFirst: ICMPMessage.headerCount)
    count(message)
    switch message.type {
    case ICMPType.echoRequest: echoArrives(message, body, header)
    case ICMPType.destinationUnreachable, ICMPType.timeExceeded, ICMPType.parameterProblem:
      errorArrives(message, quoting: body)
    default: icmpCounters.ignored += 1  // ICMP4-3, ICMP4-8 to ICMP4-10, R9293-MUST-55
    }
  }

  private mutating func count(_ message: ICMPMessage) {
    switch message.type {
    case ICMPType.echoRequest: icmpCounters.echoesIn += 1
    case ICMPType.destinationUnreachable: icmpCounters.unreachablesIn += 1
    case ICMPType.timeExceeded: icmpCounters.timesExceededIn += 1
    case ICMPType.parameterProblem: icmpCounters.parameterProblemsIn += 1
    default: break
    }
  }

  /// ICMP4-1: the same data back, from the address that was asked.
  private mutating func echoArrives(
    _ message: ICMPMessage, _ body: RawSpan, _ header: IPv4Header
  ) {
    if context.settings.ignoresEcho {
      icmpCounters.ignored += 1
      return
    }
    guard !icmpOutput.isFull else {
      icmpCounters.echoesDropped += 1
      return
    }
    guard isWithinLimits(ICMPType.echoReply, to: header.source) else { return }
    icmpCounters.echoRepliesOut += 1
    icmpOutput.append(
      ICMPMessage(type: ICMPType.echoReply, code: 0, rest: message.rest),
      from: header.destination, to: header.source, body: body,
      typeOfService: header.typeOfService)
  }

  private mutating func errorArrives(_ message: ICMPMessage, quoting body: RawSpan) {
    guard let quoted = QuotedSegment(parsing: body), hosts.isOwn(quoted.key.localAddress) else {
      icmpCounters.errors += 1  // SEC-27
      return
    }
    let error: PathError
    switch (message.type, message.code) {
    case (ICMPType.destinationUnreachable, UnreachableCode.fragmentationNeeded):
      return packetTooBig(quoted, nextLink: Int(message.rest & 0xFFFF))
    case (ICMPType.destinationUnreachable, UnreachableCode.protocolNumber),
      (ICMPType.destinationUnreachable, UnreachableCode.port):
      error = .refused  // SHLD-26
    default: error = .soft  // MUST-56
    }
    let hash = context.secrets.tableHash(quoted.key)
    if let slot = find(quoted.key, hash: hash), let id = connections.id(at: slot) {
      guard connections[slot].isInFlight(quoted.sequence) else {
        icmpCounters.outOfWindow += 1  // SEC-23
        return
      }
      connections[slot].pathErrorArrives(error, &context)
      settle(id)
    } else if let slot = synQueue.find(quoted.key, hash: hash),
      let entry = synQueue.entry(at: slot)
    {
      guard quoted.sequence == entry.initial else {
        icmpCounters.outOfWindow += 1
        return
      }
      if error == .refused {
        context.counters.attemptFails += 1
        removeHalfOpen(slot)  // SEC-21
      }
    }
  }

  /// PMTU-2, PMTU-3. A SYN-ACK of ours fits every link, and a connection in TIME-WAIT sends nothing.
  private mutating func packetTooBig(_ quoted: QuotedSegment, nextLink: Int) {
    let discovery = context.settings.pathMTUDiscovery
    if discovery == .ignoringMessages {
      icmpCounters.ignored += 1
      return
    }
    let hash = context.secrets.tableHash(quoted.key)
    guard let slot = find(quoted.key, hash: hash), let id = connections.id(at: slot) else { return }
    guard connections[slot].isInFlight(quoted.sequence) else {
      icmpCounters.outOfWindow += 1  // SEC-23
      return
    }
    let maximum =
      discovery == .off
      ? context.settings.minimumPathMTU
      : nextLink > 0 ? nextLink : PathMTUPlateau.below(quoted.totalCount)
    if connections[slot].packetTooBig(at: quoted.sequence, maximum: maximum, &context) {
      settle(id)
    } else {
      icmpCounters.ignored += 1
    }
  }

  /// The limits of the whole host, then of the one who gets it (ICMP4-6, SYS-37).
  private mutating func isWithinLimits(_ type: UInt8, to target: IPv4Address) -> Bool {
    let settings = context.settings
    guard type < 32, settings.icmpLimitedTypes & 1 << UInt32(type) != 0 else { return true }
    guard
      icmpErrors.isFilled(
        at: context.now, perSecond: settings.icmpErrorsPerSecond, burst: settings.icmpErrorBurst)
    else {
      icmpCounters.rateLimited += 1
      return false
    }
    guard icmpTargets.take(target, at: context.now, interval: settings.icmpTargetInterval) else {
      icmpCounters.rateLimitedByTarget += 1  // and the others' share is not touched
      return false
    }
    icmpErrors.take(Int(random.next() % 3))
    return true
  }

  /// As much of a packet as fits with an error into 576 octets (RFC 1812 §4.3.2.3).
  static var quotationLimit: Int { 576 - IPv4Header.minimumCount - ICMPMessage.headerCount }

  /// There is room for an error, and the limits allow it.
  mutating func mayReport(_ type: UInt8, to source: IPv4Address) -> Bool {
    !icmpOutput.isFull && isWithinLimits(type, to: source)
  }

  /// Destination unreachable, unless RFC 1122 §3.2.2 forbids it (ICMP4-4, ICMP4-5) or the bucket is
  /// empty. Destination and source have been checked to be single hosts before we come here.
  mutating func unreachable(_ code: UInt8, about packet: RawSpan, _ header: IPv4Header) {
    guard mayReport(ICMPType.destinationUnreachable, to: header.source) else { return }
    icmpCounters.unreachablesOut += 1
    icmpOutput.append(
      ICMPMessage(type: ICMPType.destinationUnreachable, code: code), from: header.destination,
      to: header.source,
      body: packet.extracting(first: min(header.totalCount, Self.quotationLimit)),
      typeOfService: 0)
  }
}
