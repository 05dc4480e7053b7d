// SipHash (Aumasson, Bernstein 2012) over sixteen octets: a keyed pseudo-random function whose
// output nobody can predict or steer without the key. With 1-3 rounds it spreads connections over
// hash buckets, so that a flood of chosen tuples finds no collisions; with 2-4 rounds, the
// conservative form, it makes sequence numbers, timestamp offsets and ports (RFC 6528, 6056).

/// SipHash-c-d with a 128-bit key, for inputs of one or two words.
struct KeyedHash: Sendable, BitwiseCopyable {
  fileprivate let key: (UInt64, UInt64)
  fileprivate let compressionRounds: Int8
  fileprivate let finalizationRounds: Int8

  /// SipHash-1-3: for tables.
  static func fast(key: (UInt64, UInt64)) -> KeyedHash {
    KeyedHash(key: key, compressionRounds: 1, finalizationRounds: 3)
  }
  /// SipHash-2-4: for numbers that strangers see.
  static func conservative(key: (UInt64, UInt64)) -> KeyedHash {
    KeyedHash(key: key, compressionRounds: 2, finalizationRounds: 4)
  }

  func hash(_ first: UInt64, _ second: UInt64) -> UInt64 {
    var state = State(key)
    state.absorb(first, rounds: compressionRounds)
    state.absorb(second, rounds: compressionRounds)
    return close(state, octets: 16)
  }

  func hash(_ only: UInt64) -> UInt64 {
    var state = State(key)
    state.absorb(only, rounds: compressionRounds)
    return close(state, octets: 8)
  }

  /// The length of the input closes it.
  private func close(_ state: State, octets: UInt64) -> UInt64 {
    var state = state
    state.absorb(octets << 56, rounds: compressionRounds)
    state.v2 ^= 0xff
    for _ in 0..<finalizationRounds { state.round() }
    return state.v0 ^ state.v1 ^ state.v2 ^ state.v3
  }

  private struct State {
    var v0, v1, v2, v3: UInt64

    init(_ key: (UInt64, UInt64)) {
      v0 = key.0 ^ 0x736f_6d65_7073_6575
      v1 = key.1 ^ 0x646f_7261_6e64_6f6d
      v2 = key.0 ^ 0x6c79_6765_6e65_7261
      v3 = key.1 ^ 0x7465_6462_7974_6573
    }

    mutating func absorb(_ word: UInt64, rounds: Int8) {
      v3 ^= word
      for _ in 0..<rounds { round() }
      v0 ^= word
    }

    mutating func round() {
      v0 &+= v1
      v1 = v1 << 13 | v1 >> 51
      v1 ^= v0
      v0 = v0 << 32 | v0 >> 32
      v2 &+= v3
      v3 = v3 << 16 | v3 >> 48
      v3 ^= v2
      v0 &+= v3
      v3 = v3 << 21 | v3 >> 43
      v3 ^= v0
      v2 &+= v1
      v1 = v1 << 17 | v1 >> 47
      v1 ^= v2
      v2 = v2 << 32 | v2 >> 32
    }
  }
}
