// Scripts about loss: a flight of full segments, counted from 0, that the peer acknowledges and SACKs by
// number, and what the stack answers, by number too.

import Testing
import UserTCP
import UserTCPSimulation

/// A connection whose sender fills its window, seen by segment numbers.
struct Flight {
  let peer: ScriptedPeer
  let c: ScriptedConnection
  /// Octets of a full segment.
  let size: Int

  /// A connection with SACK unless `options` says otherwise, its round trip measured once. The peer's
  /// window is 16 MB.
  init(
    _ settings: StackSettings = .forLossTests(), roundTrip: Interval = .milliseconds(100),
    offloads: OffloadCapabilities = .none, withECN: Bool = false,
    options: [SegmentOption] = [.maximumSegmentSize(1460), .sackPermitted, .windowScale(8)]
  ) throws {
    peer = ScriptedPeer(settings: settings, offloads: offloads)
    c = try peer.opensConnection(roundTrip: roundTrip, options: options, withECN: withECN)
    size = 1460 - (c.usesTimestamps ? 12 : 0)
    peer.stampsSegments = c.usesTimestamps
  }

  /// Writes `count` full segments and returns the numbers of those that went out at once.
  @discardableResult func writes(_ count: Int) throws -> [Int] {
    try peer.appWrites(c.id, count: count * size)
    return try takes()
  }

  /// Where segment `index` begins.
  func seq(_ index: Int) -> SequenceNumber { c.ack + index * size }
  func block(_ range: Range<Int>) -> SegmentBlock {
    SegmentBlock(seq(range.lowerBound), seq(range.upperBound))
  }

  /// The peer acknowledges all before segment `index` and has these others.
  func acks(_ index: Int, sack ranges: Range<Int>..., window: UInt16 = 65_535) {
    peer.sends(
      .ack(seq: c.seq, ack: seq(index), window: window).sack(ranges.map { block($0) }))
  }

  /// As `acks`, with an echo of `timestamp` instead of the last one that came.
  func acks(_ index: Int, sack ranges: Range<Int>..., echoing timestamp: UInt32) {
    let clock = UInt32(truncatingIfNeeded: peer.now.nanoseconds / 1_000_000)
    peer.sends(
      .ack(seq: c.seq, ack: seq(index), options: [.timestamps(clock, timestamp)])
        .sack(ranges.map { block($0) }))
  }

  /// The numbers of all segments with text that were sent up to now and during `time`, in their order;
  /// a super-segment counts as what it is cut into.
  func takes(for time: Interval = .zero) throws -> [Int] {
    try peer.takesSegments(for: time).flatMap { segment -> [Int] in
      let first = segment.seq - c.ack
      try peer.requires(first % size == 0, "segment at \(first) is not a multiple of \(size)")
      return stride(from: first, to: first + segment.payload.count, by: size).map { $0 / size }
    }
  }

  /// Doubles the window by slow start until a flight has at least `count` segments, all of them
  /// acknowledged one by one; returns the number of the first segment not sent yet.
  func grows(
    to count: Int, roundTrip: Interval = .milliseconds(100)
  ) throws -> Int {
    var next = 0
    while window < count {
      let sent = try writes(window)
      try peer.advances(by: roundTrip)
      for index in sent { acks(index + 1) }
      next += sent.count
      try peer.requires(!sent.isEmpty, "the window does not grow beyond \(window)")
    }
    return next
  }

  /// The congestion window and threshold in whole segments.
  var window: Int { (peer.snapshot?.congestionWindow ?? 0) / size }
  var threshold: Int? { peer.snapshot?.slowStartThreshold.map { $0 / size } }
  var counters: TCPCounters { peer.stack.counters.tcp }
}

extension StackSettings {
  /// Reno, whose windows a reader can compute, in bursts, and a send buffer that never limits.
  static func forLossTests(_ change: (inout StackSettings) -> Void = { _ in }) -> StackSettings {
    var settings = StackSettings()
    settings.congestionAlgorithm = .reno
    settings.usesHyStart = false
    settings.usesPacing = false
    settings.sendBuffer = 4 << 20
    settings.maximumSendBuffer = 4 << 20
    change(&settings)
    return settings
  }
}
