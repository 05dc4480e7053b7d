// The Fast Open option (RFC 7413 §4.1.1, TFO-1): a request for a cookie, or a cookie, on a SYN or SYN-ACK. Who
// gives cookies is TCPContext+FastOpen, who keeps them FastOpenCache.

enum FastOpenOption: Hashable, BitwiseCopyable {
  case absent
  /// A client without a cookie asks for one.
  case request
  case cookie(FastOpenCookie)
  /// "options with invalid Length values … MUST be ignored"
  case malformed

  static let kind: UInt8 = 34

  /// What follows kind and length.
  init(parsing body: RawSpan) {
    if body.byteCount == 0 {
      self = .request
    } else if let cookie = FastOpenCookie(body) {
      self = .cookie(cookie)
    } else {
      self = .malformed
    }
  }

  private var length: Int {
    switch self {
    case .absent, .malformed: 0
    case .request: 2
    case .cookie(let cookie): 2 + Int(cookie.count)
    }
  }

  /// In whole words, with NOPs in front.
  var encodedCount: Int { (length + 3) & ~3 }

  func write(to output: inout OutputRawSpan) {
    guard length > 0 else { return }
    for _ in length..<encodedCount { output.append(UInt8(1)) }
    output.append(Self.kind)
    output.append(UInt8(length))
    if case .cookie(let cookie) = self {
      for index in 0..<Int(cookie.count) { output.append(cookie[index]) }
    }
  }
}

/// 4 to 16 octets, an even number of them, that mean something only to the server that made them.
struct FastOpenCookie: Hashable, BitwiseCopyable {
  // Two words and no InlineArray; the first octet stands highest, those behind `count` are zero.
  private var high: UInt64 = 0
  private var low: UInt64 = 0
  let count: UInt8

  init?(_ bytes: RawSpan) {
    guard (4...16).contains(bytes.byteCount), bytes.byteCount % 2 == 0 else { return nil }
    count = UInt8(bytes.byteCount)
    for index in 0..<bytes.byteCount {
      let octet = UInt64(bytes.uint8(at: index)) << UInt64(56 - 8 * (index % 8))
      if index < 8 { high |= octet } else { low |= octet }
    }
  }

  /// The eight octets of `value`, as our server makes them.
  init(_ value: UInt64) {
    high = value
    count = 8
  }

  subscript(index: Int) -> UInt8 {
    let word = index < 8 ? high : low
    return UInt8(truncatingIfNeeded: word >> UInt64(56 - 8 * (index % 8)))
  }
}
