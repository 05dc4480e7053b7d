// ICMP for IPv4 (RFC 792): the eight octets every message begins with, and what an error quotes of
// the packet it is about.

enum ICMPType {
  static let echoReply: UInt8 = 0
  static let destinationUnreachable: UInt8 = 3
  static let echoRequest: UInt8 = 8
  static let timeExceeded: UInt8 = 11
  static let parameterProblem: UInt8 = 12
}

/// Codes of time exceeded.
enum TimeExceededCode {
  static let reassembly: UInt8 = 1
}

/// Codes of destination unreachable that we send or tell apart.
enum UnreachableCode {
  static let protocolNumber: UInt8 = 2
  static let port: UInt8 = 3
  static let fragmentationNeeded: UInt8 = 4
}

struct ICMPMessage: BitwiseCopyable {
  var type: UInt8
  var code: UInt8
  /// The second word: identifier and sequence of an echo, unused or a hint in errors.
  var rest: UInt32

  static let headerCount = 8

  init(type: UInt8, code: UInt8, rest: UInt32 = 0) {
    self.type = type
    self.code = code
    self.rest = rest
  }

  /// `nil` when it is too short; `hasValidChecksum` tells the other reason to drop it.
  init?(parsing bytes: RawSpan) {
    guard bytes.byteCount >= Self.headerCount else { return nil }
    self.init(type: bytes.uint8(at: 0), code: bytes.uint8(at: 1), rest: bytes.uint32(at: 4))
  }

  static func hasValidChecksum(_ bytes: RawSpan) -> Bool {
    var checksum = InternetChecksum()
    checksum.add(bytes)
    return checksum.isValid
  }

  /// Appends the header with a checksum over it and `body`.
  func write(before body: RawSpan, into output: inout OutputRawSpan) {
    let typeWord = UInt16(type) << 8 | UInt16(code)
    var checksum = InternetChecksum()
    checksum.add(typeWord)
    checksum.add(rest)
    checksum.add(body)
    output.append(bigEndian: typeWord)
    output.append(bigEndian: checksum.value)
    output.append(bigEndian: rest)
  }
}
