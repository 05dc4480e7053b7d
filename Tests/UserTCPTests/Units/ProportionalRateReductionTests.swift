// PRR by its table (RFC 9937 §6, §7), segments of 1000 octets, and its limits.

import Testing

@testable import UserTCP

struct ProportionalRateReductionTests {
  private static let size = 1000

  /// What one ACK that delivers a segment lets go: whole segments only, as the sender takes them.
  private struct Recovery {
    var reduction = ProportionalRateReduction()
    var pipe: Int
    let threshold: Int

    init(flight: Int, pipe: Int, threshold: Int) {
      reduction.begin(flight: flight * ProportionalRateReductionTests.size)
      self.pipe = pipe * ProportionalRateReductionTests.size
      self.threshold = threshold * ProportionalRateReductionTests.size
    }

    /// Returns the segments sent.
    mutating func acknowledges(
      _ segments: Int = 1, leaving: Int? = nil, isSafe: Bool = true
    ) -> Int {
      let size = ProportionalRateReductionTests.size
      pipe = leaving.map { $0 * size } ?? pipe - segments * size
      let window = reduction.window(
        delivered: segments * size, pipe: pipe, threshold: threshold, segmentSize: size,
        isSafe: isSafe)
      let sent = max(0, window - pipe) / size
      reduction.sent(sent * size)
      pipe += sent * size
      return sent
    }
  }

  // PRR-1
  @Test func `half the window: one segment out for two that arrive, at every ACK`() {
    // Twenty in flight, one lost, three SACKed when it was noticed, the threshold ten.
    var recovery = Recovery(flight: 20, pipe: 17, threshold: 10)
    // ceil(1 · 10 / 20) = 1/2, but the first retransmission goes at once.
    var sent = [recovery.acknowledges(leaving: 16)]
    for _ in 0..<15 { sent.append(recovery.acknowledges()) }
    // After n deliveries n/2 are out, and the one that was forced counts; at the twelfth the flight is
    // down at the threshold, and from there on one leaves for one that arrives.
    #expect(sent == [1, 0, 0, 1, 0, 1, 0, 1, 0, 1, 0, 0, 1, 1, 1, 1])
    #expect(recovery.pipe == 10_000)
  }

  // PRR-1
  @Test func `seven tenths of the window: seven out for ten that arrive`() {
    var recovery = Recovery(flight: 100, pipe: 97, threshold: 70)
    var out = recovery.acknowledges(leaving: 96)
    var delivered = 1
    while recovery.pipe > 70_000, delivered < 200 {
      out += recovery.acknowledges()
      delivered += 1
      guard recovery.pipe > 70_000 else { break }
      #expect(abs(Double(out) - Double(delivered) * 0.7) <= 1, "\(out) of \(delivered)")
    }
    #expect(recovery.pipe <= 70_000)
  }

  // PRR-1
  @Test func `many losses: as many out as arrive, one more when it is safe, up to the threshold`() {
    // Twenty in flight, fifteen of them lost at once.
    var recovery = Recovery(flight: 20, pipe: 5, threshold: 10)
    #expect(recovery.acknowledges(leaving: 4, isSafe: false) == 1)
    #expect(recovery.acknowledges(isSafe: false) == 1)
    #expect(recovery.acknowledges() == 2)
    #expect(recovery.acknowledges() == 2)
    for _ in 0..<20 { _ = recovery.acknowledges() }
    #expect(recovery.pipe == 10_000)
    // From then on one for one.
    #expect(recovery.acknowledges() == 1)
  }

  // PRR-1
  @Test func `what was held back may catch up, but an ACK beyond the threshold releases nothing`() {
    var recovery = Recovery(flight: 20, pipe: 17, threshold: 10)
    _ = recovery.acknowledges(leaving: 16)
    // Ten segments in one ACK: seven fewer in flight than may be, five of them owed by now.
    let sent = recovery.acknowledges(10)
    #expect(sent >= 1)
    #expect(recovery.pipe <= 10_000)
  }

  // PRR-1
  @Test func `an ACK that delivers nothing releases nothing`() {
    var recovery = Recovery(flight: 20, pipe: 17, threshold: 10)
    _ = recovery.acknowledges(leaving: 16)
    for _ in 0..<50 { #expect(recovery.acknowledges(0, isSafe: false) == 0) }
  }

  // PRR-1
  @Test func `no order of deliveries sends more than what arrived and the way to the threshold`() {
    for seed: UInt64 in 0..<500 {
      var random = SeededRandom(seed: seed)
      let flight = Int.random(in: 2...200, using: &random)
      let threshold = Int.random(in: 2...max(2, flight), using: &random)
      var recovery = Recovery(
        flight: flight, pipe: Int.random(in: 1...flight, using: &random), threshold: threshold)
      var out = 0
      var delivered = 0
      for _ in 0..<100 where recovery.pipe > 0 {
        let count = Int.random(in: 0...min(5, recovery.pipe / Self.size), using: &random)
        let before = recovery.pipe
        let sent = recovery.acknowledges(count, isSafe: Bool.random(using: &random))
        out += sent
        delivered += count
        #expect(recovery.pipe <= max(before, threshold * Self.size) + Self.size, "seed \(seed)")
      }
      #expect(out <= delivered + threshold + 1, "seed \(seed)")
    }
  }

  // PRR-1
  @Test func `with nothing on its way one segment may be, though nothing was delivered`() {
    var reduction = ProportionalRateReduction()
    reduction.begin(flight: 10 * Self.size)
    reduction.sent(Self.size)
    let window = reduction.window(
      delivered: 0, pipe: 0, threshold: 5 * Self.size, segmentSize: Self.size, isSafe: false)
    #expect(window == Self.size)
  }
}
