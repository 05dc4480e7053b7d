// The ten octets in front of every frame of a TUN with IFF_VNET_HDR (virtio 1.2 §5.1.6, in the byte
// order of the machine): `OffloadInfo` in the kernel's words. Where checksum and headers lie is read
// from the frame itself, so that the engine need not say it.

/// `struct virtio_net_hdr`.
struct VirtioNetHeader: Equatable, BitwiseCopyable {
  var flags: UInt8
  var segmentationType: UInt8
  /// Octets of all headers, of a frame that is to be cut.
  var headerLength: UInt16
  var segmentSize: UInt16
  /// Where the checksum's coverage starts, and from there the offset of its field.
  var checksumStart: UInt16
  var checksumOffset: UInt16

  static let needsChecksum: UInt8 = 1  // VIRTIO_NET_HDR_F_NEEDS_CSUM
  static let dataValid: UInt8 = 2  // VIRTIO_NET_HDR_F_DATA_VALID
  static let tcpOverIPv4: UInt8 = 1  // VIRTIO_NET_HDR_GSO_TCPV4
  static let tcpOverIPv6: UInt8 = 4  // VIRTIO_NET_HDR_GSO_TCPV6
  static let carriesCWR: UInt8 = 0x80  // VIRTIO_NET_HDR_GSO_ECN

  static let empty = VirtioNetHeader(
    flags: 0, segmentationType: 0, headerLength: 0, segmentSize: 0, checksumStart: 0,
    checksumOffset: 0)
}

extension VirtioNetHeader {
  /// For a frame on its way out; `header` begins with its IP header and holds its TCP header.
  init(_ offload: OffloadInfo, header: RawSpan) {
    self = .empty
    // A complete frame says nothing, and so does one that is not TCP: we leave nothing undone there.
    guard offload.checksum == .partial, let layout = TCPLayout(header) else { return }
    flags = Self.needsChecksum
    checksumStart = UInt16(layout.tcpStart)
    checksumOffset = 16
    guard offload.segmentSize > 0 else { return }
    segmentSize = offload.segmentSize
    headerLength = UInt16(layout.payloadStart)
    segmentationType = layout.isIPv4 ? Self.tcpOverIPv4 : Self.tcpOverIPv6
    if offload.carriesCWR { segmentationType |= Self.carriesCWR }  // OFF-3
  }

  /// What a received frame's header says (OFF-1).
  var offload: OffloadInfo {
    let checksum: OffloadInfo.Checksum =
      if flags & Self.needsChecksum != 0 {
        .partial
      } else if flags & Self.dataValid != 0 { .verified } else { .complete }
    guard segmentationType != 0 else { return OffloadInfo(checksum: checksum) }
    return OffloadInfo(
      checksum: checksum, segmentSize: segmentSize,
      carriesCWR: segmentationType & Self.carriesCWR != 0)
  }
}

/// Where the parts of a TCP frame lie.
struct TCPLayout {
  let isIPv4: Bool
  let tcpStart: Int
  let payloadStart: Int

  /// `nil` when the octets do not hold the whole headers of a TCP segment.
  init?(_ frame: RawSpan) {
    guard frame.byteCount >= 20 else { return nil }
    let first = frame.octet(at: 0)
    isIPv4 = first >> 4 == 4
    guard isIPv4 || first >> 4 == 6 else { return nil }
    tcpStart = isIPv4 ? Int(first & 0xF) * 4 : 40
    // IPv6 with extension headers is not TCP to us: nothing is left undone in such a frame.
    let proto = frame.octet(at: isIPv4 ? 9 : 6)
    guard proto == 6, frame.byteCount >= tcpStart + 20 else { return nil }
    payloadStart = tcpStart + Int(frame.octet(at: tcpStart + 12) >> 4) * 4
  }
}

extension RawSpan {
  func octet(at offset: Int) -> UInt8 {
    unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self)  // sound: every pattern is a UInt8
  }
}
