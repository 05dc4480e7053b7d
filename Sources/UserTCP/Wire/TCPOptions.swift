// The options of a TCP header (RFC 9293 §3.2, RFC 7323, RFC 2018), parsed once at any alignment (MUST-64).
// Unknown ones are skipped by their length (MUST-6); a length that cannot be ends the segment
// (MUST-7): it is dropped and counted, never guessed at.

/// What the options of one segment say.
struct TCPOptions: Equatable, BitwiseCopyable {
  struct Timestamps: Hashable, BitwiseCopyable {
    var value: UInt32
    var echo: UInt32
  }

  var maximumSegmentSize: UInt16? = nil
  /// As sent: up to 255 on the wire, 14 when used (RFC 7323 §2.3).
  var windowShift: UInt8? = nil
  var timestamps: Timestamps? = nil
  /// Only on a SYN (SACK-1).
  var permitsSACK = false
  var sackBlocks = SACKBlocks()
  /// RFC 5482; on any segment.
  var userTimeout: UserTimeoutOption? = nil
  /// RFC 7413; only on a SYN.
  var fastOpen = FastOpenOption.absent

  static let none = TCPOptions()
  /// As many octets as a header has room for.
  static let largest = 40

  private enum Kind {
    static let end: UInt8 = 0
    static let noOperation: UInt8 = 1
    static let maximumSegmentSize: UInt8 = 2
    static let windowScale: UInt8 = 3
    static let sackPermitted: UInt8 = 4
    static let sack: UInt8 = 5
    static let timestamps: UInt8 = 8
    static let userTimeout: UInt8 = 28
  }
  /// NOP, NOP, kind 8, length 10: how everybody sends timestamps (RFC 7323 App. A).
  private static var alignedTimestamps: UInt32 { 0x0101_080A }
  private static var permittedAndTimestamps: UInt32 { 0x0402_080A }

  init() {}

  /// `nil` for a length of 0 or 1, or one that runs past the end.
  init?(parsing bytes: RawSpan) {
    if bytes.byteCount == 12, bytes.uint32(at: 0) == Self.alignedTimestamps {
      timestamps = Timestamps(value: bytes.uint32(at: 4), echo: bytes.uint32(at: 8))
      return
    }
    var offset = 0
    while offset < bytes.byteCount {
      let kind = bytes.uint8(at: offset)
      if kind == Kind.end { return }
      if kind == Kind.noOperation {
        offset += 1
        continue
      }
      guard offset + 1 < bytes.byteCount else { return nil }
      let length = Int(bytes.uint8(at: offset + 1))
      guard length >= 2, offset + length <= bytes.byteCount else { return nil }
      // A known kind with another length than its own is skipped as if unknown.
      switch (kind, length) {
      case (Kind.maximumSegmentSize, 4): maximumSegmentSize = bytes.uint16(at: offset + 2)
      case (Kind.windowScale, 3): windowShift = bytes.uint8(at: offset + 2)
      case (Kind.timestamps, 10):
        timestamps = Timestamps(
          value: bytes.uint32(at: offset + 2), echo: bytes.uint32(at: offset + 6))
      case (Kind.sackPermitted, 2): permitsSACK = true
      case (Kind.userTimeout, 4):
        userTimeout = UserTimeoutOption(rawValue: bytes.uint16(at: offset + 2))
      case (FastOpenOption.kind, _):
        fastOpen = FastOpenOption(parsing: bytes.extracting(offset + 2..<offset + length))
      case (Kind.sack, 10), (Kind.sack, 18), (Kind.sack, 26), (Kind.sack, 34):
        parseBlocks(bytes.extracting(offset + 2..<offset + length))
      default: break
      }
      offset += length
    }
  }

  private mutating func parseBlocks(_ bytes: RawSpan) {
    for index in 0..<bytes.byteCount / 8 {
      sackBlocks.append(
        SACKBlocks.Block(
          left: SequenceNumber(bytes.uint32(at: 8 * index)),
          right: SequenceNumber(bytes.uint32(at: 8 * index + 4))))
    }
  }

  /// Octets that `write` appends; a multiple of four.
  var encodedCount: Int {
    (maximumSegmentSize != nil ? 4 : 0) + (timestamps != nil ? 12 : permitsSACK ? 4 : 0)
      + (windowShift != nil ? 4 : 0) + sackBlocks.encodedCount + (userTimeout != nil ? 4 : 0)
      + fastOpen.encodedCount
  }

  /// In Linux's order: MSS, SACK permitted, timestamps, window scale, (user timeout, Fast Open,) blocks, each padded with NOPs in
  /// front, except that SACK permitted takes the place of the timestamps' two.
  func write(to output: inout OutputRawSpan) {
    if let maximumSegmentSize {
      output.append(bigEndian: 0x0204_0000 | UInt32(maximumSegmentSize))
    }
    if let timestamps {
      output.append(bigEndian: permitsSACK ? Self.permittedAndTimestamps : Self.alignedTimestamps)
      output.append(bigEndian: timestamps.value)
      output.append(bigEndian: timestamps.echo)
    } else if permitsSACK {
      output.append(bigEndian: UInt32(0x0101_0402))
    }
    if let windowShift { output.append(bigEndian: 0x0103_0300 | UInt32(windowShift)) }
    if let userTimeout { output.append(bigEndian: 0x1C04_0000 | UInt32(userTimeout.rawValue)) }
    fastOpen.write(to: &output)
    if !sackBlocks.isEmpty {
      output.append(bigEndian: 0x0101_0500 | UInt32(2 + 8 * Int(sackBlocks.count)))
      for index in 0..<Int(sackBlocks.count) {
        output.append(bigEndian: sackBlocks[index].left.rawValue)
        output.append(bigEndian: sackBlocks[index].right.rawValue)
      }
    }
  }
}
