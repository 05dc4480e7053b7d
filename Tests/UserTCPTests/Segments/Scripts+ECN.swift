// Scripts about congestion notification: settings that ask for it, and a flight whose ACKs may echo marks.

import Testing
import UserTCP
import UserTCPSimulation

extension StackSettings {
  static func ecn(
    _ mode: ECNMode, _ change: (inout StackSettings) -> Void = { _ in }
  ) -> StackSettings {
    .changed {
      $0.ecn = mode
      change(&$0)
    }
  }
}

extension Flight {
  /// As `acks`, with ECE.
  func echoes(_ index: Int, sack ranges: Range<Int>...) {
    peer.sends(
      .ack(seq: c.seq, ack: seq(index)).adding(.ece).sack(ranges.map { block($0) }))
  }

  /// All segments with text sent up to now and during `time`.
  func takesText(for time: Interval = .zero) throws -> [Segment] {
    try peer.takesSegments(for: time).filter { !$0.payload.isEmpty }
  }

  /// The congestion window in octets.
  var octets: Int { peer.snapshot?.congestionWindow ?? 0 }
}
