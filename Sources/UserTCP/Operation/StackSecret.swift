// The one random thing a stack is given. From it follow the keys of the tables, of initial sequence
// numbers, of timestamp offsets and of port choice; the engine itself has no source of randomness.

/// 256 random bits from the caller. Every stack, and every start of it, needs its own (RFC 6528 §3);
/// equal secrets and equal input give equal output, which is what simulations want.
public struct StackSecret: Sendable, BitwiseCopyable {
  let words: (UInt64, UInt64, UInt64, UInt64)

  public init(_ first: UInt64, _ second: UInt64, _ third: UInt64, _ fourth: UInt64) {
    words = (first, second, third, fourth)
  }

  /// An independent key for one purpose, so that what one reveals says nothing of another.
  func key(for purpose: UInt64) -> (UInt64, UInt64) {
    let first = KeyedHash.conservative(key: (words.0, words.1))
    let second = KeyedHash.conservative(key: (words.2, words.3))
    return (first.hash(purpose, 0), second.hash(purpose, 1))
  }

  /// A number of its own for one purpose, in which every bit of the secret has a part.
  func seed(for purpose: UInt64) -> UInt64 {
    let key = key(for: purpose)
    return key.0 ^ key.1
  }
}
