// From a segment to a frame: IP header, TCP header, checksums or what the device needs to complete
// them, and pointers to the text where it lies in the send ring. The one place where octets are laid
// out for sending.

struct FrameWriter {
  let offloads: OffloadCapabilities
  /// Identifications of packets that may be fragmented (IP4-11); those of atomic ones stay 0 (IP4-10).
  private var identifications: IdentificationSequence

  init(offloads: OffloadCapabilities, secret: StackSecret) {
    self.offloads = offloads
    identifications = IdentificationSequence(key: secret.key(for: 6))
  }

  /// Writes one segment. `text` must stay where it is until the batch is sent.
  @unsafe mutating func write(
    _ header: TCPHeader, key: ConnectionKey,
    text: (UnsafeRawBufferPointer, UnsafeRawBufferPointer), segmentSize: Int,
    typeOfService: UInt8, timeToLive: UInt8, dontFragment: Bool, into batch: inout OutgoingBatch
  ) {
    let tcpCount = unsafe header.encodedCount + text.0.count + text.1.count
    var checksum = IPv4Header.pseudoHeader(
      from: key.localAddress, to: key.remoteAddress, protocolNumber: IPProtocol.tcp,
      count: tcpCount)
    let field: UInt16
    if offloads.checksum {
      field = checksum.partial
    } else {
      Self.add(header, key, to: &checksum)
      unsafe checksum.add(text.0.bytes)
      unsafe checksum.add(text.1.bytes)
      field = checksum.value
    }
    let offload = OffloadInfo(
      checksum: offloads.checksum ? .partial : .complete, segmentSize: UInt16(segmentSize),
      carriesCWR: segmentSize > 0 && header.flags.contains(.cwr))
    let identification = dontFragment ? 0 : identifications.next()
    unsafe batch.append(payload: text.0, tail: text.1, offload: offload) { output in
      IPv4Header.write(
        from: key.localAddress, to: key.remoteAddress, protocolNumber: IPProtocol.tcp,
        totalCount: IPv4Header.minimumCount + tcpCount, typeOfService: typeOfService,
        timeToLive: timeToLive, identification: identification, dontFragment: dontFragment,
        into: &output)
      header.write(from: key.localPort, to: key.remotePort, checksum: field, into: &output)
    }
  }

  /// The header's own part of its checksum, summed from the octets as they will be sent.
  private static func add(
    _ header: TCPHeader, _ key: ConnectionKey, to checksum: inout InternetChecksum
  ) {
    var room = InlineArray<60, UInt8>(repeating: 0)
    var span = room.mutableSpan
    unsafe span.withUnsafeMutableBytes { buffer in
      var output = unsafe OutputRawSpan(buffer: buffer, initializedCount: 0)
      header.write(from: key.localPort, to: key.remotePort, checksum: 0, into: &output)
      let count = unsafe output.finalize(for: buffer)
      unsafe checksum.add(UnsafeRawBufferPointer(rebasing: buffer[0..<count]).bytes)
    }
  }

  /// Writes one ICMP message; its body goes with the batch.
  @unsafe mutating func write(
    _ message: ICMPOutput.Message, timeToLive: UInt8, into batch: inout OutgoingBatch
  ) {
    let identification = identifications.next()
    let body = unsafe UnsafeRawBufferPointer(message.body)
    unsafe batch.append(
      payload: body, tail: UnsafeRawBufferPointer(start: nil, count: 0),
      owned: message.body.baseAddress, offload: .none
    ) { output in
      let count = unsafe ICMPMessage.headerCount + message.body.count
      unsafe IPv4Header.write(
        from: message.source, to: message.destination, protocolNumber: IPProtocol.icmp,
        totalCount: IPv4Header.minimumCount + count, typeOfService: message.typeOfService,
        timeToLive: timeToLive, identification: identification, dontFragment: false,
        into: &output)
      unsafe message.header.write(before: body.bytes, into: &output)
    }
  }
}
