// Fragments in (RFC 1122 §3.3.2): they are kept until their datagram is whole, which then goes on like any
// packet, or until its time is over, of which its sender is told.

extension ProtocolStack {
  mutating func fragmentArrives(_ header: IPv4Header, of packet: RawSpan) {
    ipCounters.fragmentsReceived += 1
    let payload = packet.extracting(header.headerCount..<header.totalCount)
    guard let fragment = Fragment(header, payload) else {
      ipCounters.reassemblyFailures += 1
      return
    }
    var table = reassembly.take() ?? Reassembly(secrets: context.secrets)
    var datagram = FragmentBuffer()
    let limits = Reassembly.Limits(
      memory: context.settings.reassemblyMemory,
      distance: context.settings.maximumFragmentDistance)
    let isWhole = table.insert(
      fragment, payload, header: packet.extracting(first: header.headerCount), limits: limits,
      at: context.now, &ipCounters, whole: &datagram)
    reassembly = consume table
    guard isWhole else { return }
    guard datagram.finish() else {
      ipCounters.reassemblyFailures += 1
      return
    }
    ipCounters.datagramsReassembled += 1
    // What a device said about the fragments' checksums says nothing about the whole.
    guard let header = try? IPv4Header(parsing: datagram.packet) else { return }
    deliver(datagram.packet, header, offload: .none)
  }

  /// When the oldest datagram is given up.
  var reassemblyDeadline: Instant {
    switch reassembly {
    case .some(let table): table.nextDeadline(context.settings.reassemblyTimeout)
    case .none: .never
    }
  }

  /// FRAG-2: what is too late is forgotten.
  mutating func expireFragments(limit: Int) {
    guard reassemblyDeadline <= context.now, var table = reassembly.take() else { return }
    var left = limit
    while left > 0,
      table.nextDeadline(context.settings.reassemblyTimeout) <= context.now
    {
      let buffer = table.takeOldest()
      left -= 1
      if buffer.byteCount == 0 { continue }  // discarded, and counted, before
      ipCounters.reassemblyFailures += 1
      ipCounters.reassemblyTimeouts += 1
      if buffer.hasFirst { reassemblyTimeExceeded(buffer) }
    }
    reassembly = consume table
  }

  /// Only about the first fragment, since none else shows whose it was (RFC 792), and never about
  /// another error (ICMP4-5).
  private mutating func reassemblyTimeExceeded(_ buffer: borrowing FragmentBuffer) {
    let quotation = buffer.quotation(limit: Self.quotationLimit)
    let headerCount = Int(quotation.uint8(at: 0) & 0x0F) * 4
    if quotation.uint8(at: 9) == IPProtocol.icmp {
      guard quotation.byteCount > headerCount,
        quotation.uint8(at: headerCount) == ICMPType.echoRequest
      else { return }
    }
    let source = IPv4Address(bits: quotation.uint32(at: 12))
    guard mayReport(ICMPType.timeExceeded, to: source) else { return }
    icmpCounters.timesExceededOut += 1
    icmpOutput.append(
      ICMPMessage(type: ICMPType.timeExceeded, code: TimeExceededCode.reassembly),
      from: IPv4Address(bits: quotation.uint32(at: 16)), to: source, body: quotation,
      typeOfService: 0)
  }
}
