// Frames on their way in: one arena that a device fills and the stack reads. The stack copies
// what it keeps, so the arena is used again for the next turn; it stays in the cache.

/// A batch of received IP packets and what each says about offloads.
@safe public struct IncomingBatch: ~Copyable {
  private struct Record {
    var offset: Int32
    var count: Int32
    var offload: OffloadInfo
  }

  /// Room that `append` always offers: the largest IP packet.
  public static let maximumPacket = 65_535

  private let base: UnsafeMutableRawPointer
  private let records: UnsafeMutablePointer<Record>
  private let packetLimit: Int
  private let byteLimit: Int
  private var used = 0
  public private(set) var count = 0

  /// A batch is full after `packetLimit` packets or once `byteLimit` octets are passed.
  public init(packetLimit: Int = 64, byteLimit: Int = 256 << 10) {
    precondition(packetLimit > 0 && byteLimit > 0, "a batch has room for at least one packet")
    self.packetLimit = packetLimit
    self.byteLimit = byteLimit
    unsafe base = .allocate(byteCount: byteLimit + Self.maximumPacket, alignment: 64)
    unsafe records = .allocate(capacity: packetLimit)
  }

  deinit {
    unsafe base.deallocate()
    unsafe records.deallocate()
  }

  public var isEmpty: Bool { count == 0 }
  public var isFull: Bool { count == packetLimit || used >= byteLimit }

  /// Offers at least `maximumPacket` octets to `fill`, which says how many it wrote and their
  /// offloads, or `nil` when there was nothing. The batch must not be full.
  @unsafe public mutating func append<E: Error>(
    fill: (UnsafeMutableRawBufferPointer) throws(E) -> (count: Int, offload: OffloadInfo)?
  ) throws(E) -> Bool {
    precondition(!isFull, "remove the packets of a full batch first")
    let room = unsafe UnsafeMutableRawBufferPointer(
      start: base + used, count: byteLimit + Self.maximumPacket - used)
    guard let (length, offload) = try unsafe fill(room) else { return false }
    precondition(length >= 0 && length <= room.count, "a device filled more than it was lent")
    unsafe records[count] = Record(offset: Int32(used), count: Int32(length), offload: offload)
    count += 1
    used = (used + length + 15) & ~15  // headers of the next packet start aligned
    return true
  }

  /// Copies one packet in; for memory devices and simulations.
  public mutating func append(_ packet: RawSpan, offload: OffloadInfo) {
    precondition(packet.byteCount <= Self.maximumPacket, "longer than any IP packet")
    _ = unsafe append { room in
      unsafe packet.withUnsafeBytes { unsafe room.copyMemory(from: $0) }
      return (packet.byteCount, offload)
    }
  }

  @_lifetime(borrow self)
  public func packet(at index: Int) -> RawSpan {
    precondition(index >= 0 && index < count, "no such packet in the batch")
    let record = unsafe records[index]
    let span = unsafe RawSpan(
      _unsafeStart: UnsafeRawPointer(base) + Int(record.offset), byteCount: Int(record.count))
    return unsafe _overrideLifetime(span, borrowing: self)
  }

  public func offload(at index: Int) -> OffloadInfo {
    precondition(index >= 0 && index < count, "no such packet in the batch")
    return unsafe records[index].offload
  }

  public mutating func removeAll() {
    count = 0
    used = 0
  }
}
