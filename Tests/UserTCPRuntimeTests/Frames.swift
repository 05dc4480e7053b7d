// Frames and batches for the tests of devices: real headers, octets that can be told apart.

@testable import UserTCP
@testable import UserTCPRuntime

enum Frames {
  /// A TCP segment over IPv4 with 20-octet headers, ports 1 and 2; `field` stands in the checksum.
  static func tcp(payload: [UInt8] = [], checksum field: UInt16 = 0, optionWords: Int = 0)
    -> [UInt8]
  {
    let length = 40 + optionWords * 4 + payload.count
    var frame: [UInt8] = [
      0x45, 0, UInt8(length >> 8), UInt8(length & 0xFF), 0, 0, 0x40, 0, 64, 6, 0, 0,
      192, 0, 2, 1, 192, 0, 2, 2,
      0, 1, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, UInt8(5 + optionWords) << 4, 0x10, 0xFF, 0xFF,
      UInt8(field >> 8), UInt8(field & 0xFF), 0, 0,
    ]
    frame += [UInt8](repeating: 1, count: optionWords * 4)
    return frame + payload
  }

  /// The sum of the pseudo-header of `tcp`, as a sender leaves it to an offload.
  static func pseudoHeaderSum(segmentLength: Int) -> UInt16 {
    fold(0xC000 + 0x0201 + 0xC000 + 0x0202 + 6 + UInt64(segmentLength))
  }

  /// Ones' complement sum of big-endian words (RFC 1071).
  static func sum(_ octets: some Sequence<UInt8>) -> UInt64 {
    var sum: UInt64 = 0
    for (index, octet) in octets.enumerated() {
      sum += index.isMultiple(of: 2) ? UInt64(octet) << 8 : UInt64(octet)
    }
    return sum
  }

  static func fold(_ sum: UInt64) -> UInt16 {
    var sum = sum
    while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
    return UInt16(sum)
  }

  /// A frame in pieces, as the frame writer makes it: 40 octets of headers, the payload in two parts.
  static func append(_ frame: [UInt8], _ offload: OffloadInfo, to batch: inout OutgoingBatch) {
    let payload = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, frame.count - 40), alignment: 16)
    unsafe payload.copyBytes(from: frame.dropFirst(40))
    let middle = (frame.count - 40) / 2
    unsafe batch.append(
      payload: UnsafeRawBufferPointer(rebasing: payload[..<middle]),
      tail: UnsafeRawBufferPointer(rebasing: payload[middle..<(frame.count - 40)]),
      owned: payload.baseAddress, offload: offload
    ) { header in
      for octet in frame.prefix(40) { unsafe header.append(octet, as: UInt8.self) }
    }
  }
}

extension IncomingBatch {
  /// Every packet, copied.
  var packets: [[UInt8]] {
    (0..<count).map { index in
      unsafe packet(at: index).withUnsafeBytes { unsafe [UInt8]($0) }
    }
  }
}
