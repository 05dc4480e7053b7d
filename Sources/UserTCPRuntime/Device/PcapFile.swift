// A capture that tcpdump, tshark and Wireshark read: the classic pcap format with nanoseconds, packets
// without a link header (LINKTYPE_RAW). Every batch is written at once, so that a capture is whole
// whenever the process ends. Checksums that were left to the kernel are completed in the copy
// (OFF-6); super-segments stay whole.

internal import CTun
internal import Glibc

public struct PcapFile: ~Copyable {
  private let file: Int32
  private let path: String
  /// Records that are not written yet; its memory is kept.
  private var buffer: [UInt8] = []

  /// Makes the file, or empties it.
  public init(path: String) throws(DeviceError) {
    let file = unsafe Glibc.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard file >= 0 else { throw .captureFile(path: path, code: errno) }
    self.init(file: file, path: path)
  }

  /// Takes an open file over.
  init(file: Int32, path: String) {
    self.file = file
    self.path = path
  }

  deinit { _ = Glibc.close(file) }

  /// Writes the file header.
  public mutating func start() throws(DeviceError) {
    append(UInt32(0xA1B2_3C4D))  // nanoseconds, and the byte order of this machine
    append(UInt16(2))
    append(UInt16(4))
    append(UInt32(0))  // time zone, never used
    append(UInt32(0))  // accuracy, never used
    append(UInt32(262_144))  // longest packet
    append(UInt32(101))  // LINKTYPE_RAW: IPv4 or IPv6, says its first octet
    try flush()
  }

  /// Adds a whole packet.
  public mutating func add(
    _ packet: borrowing Span<UInt8>, _ offload: OffloadInfo = .none, at nanoseconds: Int64
  ) {
    let none = unsafe UnsafeRawBufferPointer(start: nil, count: 0)
    unsafe packet.withUnsafeBytes { unsafe add($0, none, none, offload, at: nanoseconds) }
  }

  /// Adds a packet, in up to three pieces, with its checksum completed.
  @unsafe mutating func add(
    _ header: UnsafeRawBufferPointer, _ payload: UnsafeRawBufferPointer,
    _ tail: UnsafeRawBufferPointer, _ offload: OffloadInfo, at nanoseconds: Int64
  ) {
    let count = UInt32(header.count + payload.count + tail.count)
    append(UInt32(truncatingIfNeeded: nanoseconds / 1_000_000_000))
    append(UInt32(truncatingIfNeeded: nanoseconds % 1_000_000_000))
    append(count)
    append(count)
    let start = buffer.count
    unsafe buffer.append(contentsOf: header)
    unsafe buffer.append(contentsOf: payload)
    unsafe buffer.append(contentsOf: tail)
    if offload.checksum == .partial { completeChecksum(from: start) }
  }

  /// Writes what was added.
  public mutating func flush() throws(DeviceError) {
    var written = 0
    while written < buffer.count {
      let rest = buffer.count - written
      let count = unsafe buffer.withUnsafeBytes { octets in
        unsafe Glibc.write(file, octets.baseAddress.map { unsafe $0 + written }, rest)
      }
      if count > 0 {
        written += count
      } else if errno != EINTR {
        throw .captureFile(path: path, code: errno)
      }
    }
    buffer.removeAll(keepingCapacity: true)
  }

  private mutating func completeChecksum(from start: Int) {
    guard let (field, checksum) = checksum(from: start) else { return }
    buffer[field] = UInt8(checksum >> 8)
    buffer[field + 1] = UInt8(checksum & 0xFF)
  }

  /// Where the field of the packet at `start` lies, and what belongs there; `nil` without TCP.
  private borrowing func checksum(from start: Int) -> (field: Int, checksum: UInt16)? {
    let packet = buffer.span.extracting(droppingFirst: start)
    guard let layout = unsafe TCPLayout(packet.bytes) else { return nil }
    let segment = packet.extracting(droppingFirst: layout.tcpStart)
    return (start + layout.tcpStart + 16, Self.checksum(of: segment))
  }

  /// RFC 1071, over a segment whose checksum field holds the pseudo-header's sum.
  private static func checksum(of segment: Span<UInt8>) -> UInt16 {
    var sum: UInt64 = 0
    var index = 0
    while index + 1 < segment.count {
      sum += UInt64(segment[index]) << 8 | UInt64(segment[index + 1])
      index += 2
    }
    if index < segment.count { sum += UInt64(segment[index]) << 8 }
    while sum > 0xFFFF { sum = sum & 0xFFFF + sum >> 16 }
    return ~UInt16(sum)
  }

  private mutating func append(_ value: some FixedWidthInteger) {
    unsafe withUnsafeBytes(of: value) { unsafe buffer.append(contentsOf: $0) }
  }
}
