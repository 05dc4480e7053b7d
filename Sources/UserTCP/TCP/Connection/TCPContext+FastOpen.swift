// GetCookie and IsCookieValid of RFC 7413 §4.1.2: a cookie is a keyed hash of the two addresses, so nothing
// is remembered, and a client that moves or is another's victim has no use for it. The same function of the
// same keys as Linux's, so that servers behind one address can share them.

extension TCPContext {
  enum CookieVerdict: BitwiseCopyable {
    case valid
    /// Made with the key before the present one.
    case outdated
    case forged
  }

  func fastOpenCookie(for ends: ConnectionKey) -> FastOpenCookie {
    Self.cookie(for: ends, settings.fastOpenKeys?.current.keyedHash ?? secrets.fastOpen)
  }

  func verdict(on cookie: FastOpenCookie, from ends: ConnectionKey) -> CookieVerdict {
    if cookie == fastOpenCookie(for: ends) { return .valid }
    guard let previous = settings.fastOpenKeys?.previous,
      cookie == Self.cookie(for: ends, previous.keyedHash)
    else { return .forged }
    return .outdated
  }

  /// SipHash reads octets as they lie in the header, and little-endian.
  private static func cookie(for ends: ConnectionKey, _ hash: KeyedHash) -> FastOpenCookie {
    let addresses = UInt64(ends.remoteAddress.bits) << 32 | UInt64(ends.localAddress.bits)
    return FastOpenCookie(hash.hash(addresses.byteSwapped).byteSwapped)
  }
}
