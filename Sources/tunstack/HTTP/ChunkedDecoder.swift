// The chunked transfer coding, read (RFC 9112 §7.1). It walks the framing and says where the data
// lies; it never holds data, so a chunk of any size passes through. Extensions and trailers
// are checked and dropped. Line ends are CR LF here and nothing else: what a proxy might read
// in another way is malformed.

struct ChunkedDecoder {
  enum Event: Equatable {
    /// All that was given has been looked at.
    case needsMore
    /// A chunk of so many octets begins.
    case chunk(size: Int)
    /// So many of the next octets are data; say with `consumed` how many were taken.
    case data(Int)
    case chunkEnd
    /// The last chunk and the trailers are over: the body is complete.
    case end
    case malformed
  }

  private enum Position: UInt8 {
    case size, blankAfterSize, chunkExtension, sizeLineFeed
    case data, dataReturn, dataLineFeed
    case trailerStart, trailerName, trailerValue, trailerLineFeed, finalLineFeed
  }

  /// Octets of framing that nothing useful needs more of: a size line, and all trailers together.
  /// Without a limit a peer could send extensions for ever and no data (CVE-2023-39326 in another server).
  private static let longestSizeLine = 1024
  private static let longestTrailers = 8192

  /// Octets of the current chunk still to come; while a size is read, the number so far.
  private(set) var remaining = 0
  private var framingLength: UInt16 = 0
  private var position = Position.size

  /// Reads framing from `offset` on, up to the next thing worth telling.
  mutating func next(_ octets: RawSpan, at offset: inout Int) -> Event {
    if position == .data {
      guard remaining == 0 else {
        let available = min(remaining, octets.byteCount - offset)
        return available == 0 ? .needsMore : .data(available)
      }
      position = .dataReturn
    }
    while offset < octets.byteCount {
      let octet = octets.octet(offset)
      offset += 1
      if let event = take(octet) { return event }
    }
    return .needsMore
  }

  /// The caller has taken `count` of the octets that `data` announced.
  mutating func consumed(_ count: Int) {
    assert(position == .data && count <= remaining, "more data taken than there was")
    remaining -= count
  }

  /// One octet of framing.
  private mutating func take(_ octet: UInt8) -> Event? {
    framingLength += 1
    switch position {
    case .size: return takeSize(octet)
    case .blankAfterSize, .chunkExtension: return takeExtension(octet)
    case .sizeLineFeed:
      guard octet == ASCII.lineFeed else { return .malformed }
      framingLength = 0
      position = remaining == 0 ? .trailerStart : .data
      return remaining == 0 ? nil : .chunk(size: remaining)
    case .data: return .malformed  // `next` never comes here with data
    case .dataReturn:
      position = .dataLineFeed
      return octet == ASCII.carriageReturn ? nil : .malformed
    case .dataLineFeed:
      framingLength = 0
      position = .size
      return octet == ASCII.lineFeed ? .chunkEnd : .malformed
    case .trailerStart, .trailerName, .trailerValue, .trailerLineFeed, .finalLineFeed:
      return takeTrailer(octet)
    }
  }

  /// chunk-size = 1*HEXDIG
  private mutating func takeSize(_ octet: UInt8) -> Event? {
    if let digit = ASCII.hexadecimalDigit(octet) {
      // Sixteen digits, leading zeros among them, and no chunk of 2^60 octets.
      guard framingLength <= 16, remaining >> 56 == 0 else { return .malformed }
      remaining = remaining << 4 | digit
      return nil
    }
    guard framingLength > 1 else { return .malformed }
    position = .blankAfterSize
    return takeExtension(octet)
  }

  /// chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )
  private mutating func takeExtension(_ octet: UInt8) -> Event? {
    guard framingLength <= Self.longestSizeLine else { return .malformed }
    if octet == ASCII.carriageReturn {
      position = .sizeLineFeed
      return nil
    }
    guard ASCII.isFieldContent(octet) else { return .malformed }
    if position == .blankAfterSize {
      if octet == ASCII.semicolon {
        position = .chunkExtension
      } else if !ASCII.isBlank(octet) {
        return .malformed
      }
    }
    return nil
  }

  /// trailer-section = *( field-line CRLF ), then the empty line
  private mutating func takeTrailer(_ octet: UInt8) -> Event? {
    guard framingLength <= Self.longestTrailers else { return .malformed }
    switch position {
    case .trailerStart:
      if octet == ASCII.carriageReturn {
        position = .finalLineFeed
        return nil
      }
      position = .trailerName
      return ASCII.isToken(octet) ? nil : .malformed
    case .trailerName:
      if octet == ASCII.colon {
        position = .trailerValue
        return nil
      }
      return ASCII.isToken(octet) ? nil : .malformed
    case .trailerValue:
      if octet == ASCII.carriageReturn {
        position = .trailerLineFeed
        return nil
      }
      return ASCII.isFieldContent(octet) ? nil : .malformed
    case .trailerLineFeed:
      position = .trailerStart
      return octet == ASCII.lineFeed ? nil : .malformed
    case .finalLineFeed:
      self = ChunkedDecoder()
      return octet == ASCII.lineFeed ? .end : .malformed
    default: return .malformed
    }
  }
}
