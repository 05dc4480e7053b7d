// What links and tests draw from the engine's seeded generator. A run is reproduced from one printed
// number, so nothing here depends on anything but the generator's state.

import UserTCP

extension SeededRandom {
  /// True in `probability` of all calls.
  public mutating func happens(_ probability: Double) -> Bool {
    // Drawn also for 0 and 1, so that changing one probability does not shift the others' luck.
    fraction() < probability
  }

  /// Uniform from 0 up to, not including, 1.
  public mutating func fraction() -> Double { Double(next() >> 11) * 0x1p-53 }

  public mutating func bytes(_ count: Int) -> [UInt8] {
    var bytes: [UInt8] = []
    bytes.reserveCapacity(count)
    while bytes.count < count {
      var word = next()
      for _ in 0..<min(8, count - bytes.count) {
        bytes.append(UInt8(truncatingIfNeeded: word))
        word >>= 8
      }
    }
    return bytes
  }
}
