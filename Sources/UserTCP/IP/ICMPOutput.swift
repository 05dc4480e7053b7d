// ICMP messages waiting for `poll`: echo replies with their data and errors with what they quote. Input
// puts them here because input never sends. Bounded: pings beyond the bound are dropped and counted.

@safe struct ICMPOutput: ~Copyable {
  @unsafe struct Message: BitwiseCopyable {
    var source: IPv4Address
    var destination: IPv4Address
    var header: ICMPMessage
    /// Given away to the batch that sends it.
    var body: UnsafeMutableRawBufferPointer
    var typeOfService: UInt8
  }

  static let limit = 64
  private var queue = unsafe RingQueue<Message>()

  init() {}

  deinit {
    for index in 0..<(unsafe queue.count) { unsafe queue[index].body.deallocate() }
  }

  var isEmpty: Bool { unsafe queue.isEmpty }
  var isFull: Bool { unsafe queue.count >= Self.limit }

  /// Copies the body; the queue must not be full.
  mutating func append(
    _ header: ICMPMessage, from source: IPv4Address, to destination: IPv4Address, body: RawSpan,
    typeOfService: UInt8
  ) {
    let copy = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(body.byteCount, 1), alignment: 16)
    unsafe body.withUnsafeBytes { unsafe copy.copyMemory(from: $0) }
    let kept = unsafe UnsafeMutableRawBufferPointer(rebasing: copy[0..<body.byteCount])
    unsafe queue.append(
      Message(
        source: source, destination: destination, header: header, body: kept,
        typeOfService: typeOfService))
  }

  @unsafe mutating func popFirst() -> Message? { unsafe queue.popFirst() }
}
