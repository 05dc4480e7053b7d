// Frames on their way out. The frame writer puts headers into the batch's own slots; payload stays
// where it is, in a connection's send ring, and is only pointed at, so that `writev` takes it
// from there. So between `poll` and the device's `send` nobody may change the stack. What a device
// cannot take yet is kept with `removeFirst`, which copies payloads out of the rings first.
//
//   slot:  | headroom 16 | IP header | TCP header |      payload: ring, ring (wrapped)
//            ^ the device's own header goes here, directly in front

/// A batch of IP packets to send, each in up to three pieces.
@safe public struct OutgoingBatch: ~Copyable {
  /// Free octets in front of every frame, for a device's own header.
  public static let headroom = 16
  static let headerCapacity = 120  // the longest IPv4 header and the longest TCP header
  private static let slotSize = 144  // headroom, headers, rounded up to 16

  /// One frame in pieces. Valid until the batch or the stack that filled it changes.
  @unsafe public struct Frame {
    /// IP and TCP (or ICMP) header; `headroom` writable octets lie in front of it.
    public var header: UnsafeMutableRawBufferPointer
    public var payload: UnsafeRawBufferPointer
    /// The rest of a payload that wraps round the end of its ring.
    public var payloadTail: UnsafeRawBufferPointer
    public var offload: OffloadInfo
    public var byteCount: Int {
      unsafe header.count + payload.count + payloadTail.count
    }
  }

  @unsafe private struct Record {
    var headerCount: Int
    var payload: UnsafeRawBufferPointer
    var payloadTail: UnsafeRawBufferPointer
    var owned: UnsafeMutableRawPointer?
    var offload: OffloadInfo
  }

  private let slots: UnsafeMutableRawPointer
  private let records: UnsafeMutablePointer<Record>
  private var first = 0
  private var end = 0
  public let capacity: Int

  public init(capacity: Int = 64) {
    precondition(capacity > 0, "a batch has room for at least one frame")
    self.capacity = capacity
    unsafe slots = .allocate(byteCount: capacity * Self.slotSize, alignment: 16)
    unsafe records = .allocate(capacity: capacity)
  }

  deinit {
    for index in first..<end { unsafe records[index].owned?.deallocate() }
    unsafe slots.deallocate()
    unsafe records.deallocate()
  }

  public var count: Int { end - first }
  public var isEmpty: Bool { first == end }
  public var isFull: Bool { end == capacity }

  @unsafe public func frame(at index: Int) -> Frame {
    precondition(index >= 0 && index < count, "no such frame in the batch")
    let record = unsafe records[first + index]
    return unsafe Frame(
      header: UnsafeMutableRawBufferPointer(
        start: slots + (first + index) * Self.slotSize + Self.headroom, count: record.headerCount),
      payload: record.payload, payloadTail: record.payloadTail, offload: record.offload)
  }

  public func offload(at index: Int) -> OffloadInfo { unsafe frame(at: index).offload }

  /// The whole frame in one piece; for captures, memory devices and tests.
  public func copy(at index: Int) -> [UInt8] {
    let frame = unsafe frame(at: index)
    return unsafe [UInt8](unsafeUninitializedCapacity: frame.byteCount) { buffer, count in
      let target = UnsafeMutableRawBufferPointer(buffer)
      unsafe target.copyMemory(from: UnsafeRawBufferPointer(frame.header))
      unsafe UnsafeMutableRawBufferPointer(rebasing: target[frame.header.count...])
        .copyMemory(from: frame.payload)
      unsafe UnsafeMutableRawBufferPointer(
        rebasing: target[(frame.header.count + frame.payload.count)...]
      ).copyMemory(from: frame.payloadTail)
      count = unsafe frame.byteCount
    }
  }

  /// Drops the first `sent` frames and keeps the others beyond the next change of the stack.
  public mutating func removeFirst(_ sent: Int) {
    precondition(sent >= 0 && sent <= count, "more frames than the batch holds")
    for index in first..<first + sent { unsafe records[index].owned?.deallocate() }
    first += sent
    if first == end { return removeAll() }
    for index in first..<end { own(index) }
  }

  public mutating func removeAll() {
    for index in first..<end { unsafe records[index].owned?.deallocate() }
    first = 0
    end = 0
  }

  private mutating func own(_ index: Int) {
    var record = unsafe records[index]
    let length = unsafe record.payload.count + record.payloadTail.count
    guard unsafe record.owned == nil, length > 0 else { return }
    let copy = UnsafeMutableRawBufferPointer.allocate(byteCount: length, alignment: 16)
    unsafe copy.copyMemory(from: record.payload)
    unsafe UnsafeMutableRawBufferPointer(rebasing: copy[record.payload.count...])
      .copyMemory(from: record.payloadTail)
    unsafe record.owned = copy.baseAddress
    unsafe record.payload = UnsafeRawBufferPointer(copy)
    unsafe record.payloadTail = UnsafeRawBufferPointer(start: nil, count: 0)
    unsafe records[index] = record
  }

  /// Adds a frame whose payload is borrowed from `payload` (a ring that outlives the batch's use)
  /// or given away with it (`owned`, freed when the frame is removed). The batch must not be full.
  @unsafe mutating func append(
    payload: UnsafeRawBufferPointer, tail: UnsafeRawBufferPointer,
    owned: UnsafeMutableRawPointer? = nil, offload: OffloadInfo,
    header: (inout OutputRawSpan) -> Void
  ) {
    precondition(!isFull, "the batch is full")
    let room = unsafe UnsafeMutableRawBufferPointer(
      start: slots + end * Self.slotSize + Self.headroom, count: Self.headerCapacity)
    var output = unsafe OutputRawSpan(buffer: room, initializedCount: 0)
    header(&output)
    let headerCount = unsafe output.finalize(for: room)
    unsafe (records + end).initialize(
      to: Record(
        headerCount: headerCount, payload: payload, payloadTail: tail, owned: owned,
        offload: offload))
    end += 1
  }
}
