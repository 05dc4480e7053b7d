// One direction of a path between two stacks, with all the bad luck a seed brings: loss,
// duplication, reordering, corruption, delay, a rate and a queue. Frames are copies. Super-segments
// are cut first, so that what is lost or damaged is what a wire would carry, with complete
// checksums (OFF-6). Used by `Network`; knows nothing of TCP.

import UserTCP

public struct LinkSettings: Sendable {
  /// Time that every frame takes.
  public var delay = Interval.milliseconds(10)
  /// Added to `delay`, uniformly from zero up to this; enough of it reorders.
  public var jitter = Interval.zero
  /// Octets per second; `nil`: any number.
  public var rate: Int?
  /// Octets waiting for the rate; what comes when it is full is dropped.
  public var queueLimit = 1 << 20
  /// Probabilities per frame.
  public var loss = 0.0
  /// What comes within this time of such a loss is lost with it.
  public var lossBurst = Interval.zero
  /// Every so many-th frame with more than bare headers is lost as well; `nil`: none. For response
  /// functions, which are defined by it.
  public var lossPeriod: Int?
  public var duplication = 0.0
  public var corruption = 0.0
  /// Held back by `reorderingDelay`, so that later frames overtake it.
  public var reordering = 0.0
  public var reorderingDelay = Interval.milliseconds(15)
  /// Largest packet that the link takes, somewhere in its middle; `nil`: any. What may be cut is cut.
  public var mtu: Int?
  /// What may not be cut is reported to its sender; else it is gone, as in a black hole.
  public var reportsTooBig = true
  /// What this link does to congestion notification.
  public var ecn = LinkECN()

  public init() {}
}

public struct Link: Sendable {
  /// What became of the frames so far.
  public struct Statistics: Sendable, Hashable {
    public var offered = 0
    public var delivered = 0
    public var lost = 0
    public var overflowed = 0
    public var duplicated = 0
    public var corrupted = 0
    public var reordered = 0
    /// Larger than the link takes, and not to be cut.
    public var tooBig = 0
    /// With CE set here.
    public var marked = 0

    public init() {}
  }

  private struct Flight: Sendable {
    var arrival: Instant
    /// Decides between equal arrivals, so that a run is reproducible.
    var number: Int
    var frame: Frame
  }

  public var settings: LinkSettings
  public private(set) var statistics = Statistics()
  private var random: SeededRandom
  /// Of marks alone, so that links without them have the luck they always had.
  private var markRandom: SeededRandom
  /// A binary heap by arrival.
  private var flights: [Flight] = []
  private var nextNumber = 0
  private var burstEnd = Instant.zero
  /// Since the last periodic loss.
  private var textFrames = 0
  /// What routers have to say to the sender.
  private var errors: [Frame] = []
  /// When the last queued frame has left the sender.
  private var busyUntil = Instant.zero

  public init(settings: LinkSettings = LinkSettings(), seed: UInt64) {
    self.settings = settings
    random = SeededRandom(seed: seed)
    markRandom = SeededRandom(seed: seed ^ 0xECEC)
  }

  public var nextArrival: Instant { flights.first?.arrival ?? .never }
  public var framesInFlight: Int { flights.count }

  /// Octets in the queue, those of the frame that is leaving included; none without a rate.
  public func octetsWaiting(at now: Instant) -> Int {
    guard let rate = settings.rate, busyUntil > now else { return 0 }
    return Int((busyUntil - now).nanoseconds / 1_000 * Int64(rate) / 1_000_000)
  }

  /// Puts a frame on the link; a super-segment as the pieces a kernel would make of it.
  public mutating func send(_ frame: Frame, at now: Instant) {
    // Bytes that are no packet at all travel as they are.
    for piece in (try? Segmenter.cut(frame)) ?? [frame] {
      for packet in fitting(piece) { sendPiece(packet, at: now) }
    }
  }

  /// The router at the link's narrow place; from the range for benchmarks (RFC 2544), nobody's here.
  public static let router = IPv4Address(198, 18, 0, 1)

  /// Packets for whom the last calls of `send` were too big: to be brought back to the sender.
  public mutating func takeErrors() -> [Frame] {
    defer { errors.removeAll() }
    return errors
  }

  private mutating func fitting(_ frame: Frame) -> [Frame] {
    guard let mtu = settings.mtu, frame.bytes.count > mtu,
      let packet = try? IPv4Packet(decoding: frame.bytes)
    else { return [frame] }
    if let pieces = Fragmenter.cut(packet, mtu: mtu) { return pieces.map { Frame($0.encoded()) } }
    statistics.tooBig += 1
    if settings.reportsTooBig {
      errors.append(Frame(Fragmenter.tooBig(packet, mtu: mtu, from: Self.router).encoded()))
    }
    return []
  }

  /// The next frame that has arrived by `now`.
  public mutating func receive(at now: Instant) -> Frame? {
    guard let first = flights.first, first.arrival <= now else { return nil }
    statistics.delivered += 1
    return removeFirst().frame
  }

  private mutating func sendPiece(_ frame: Frame, at now: Instant) {
    statistics.offered += 1
    var frame = frame
    // Every frame draws the same numbers, so that one changed probability leaves the others' luck.
    let isLostByChance = random.happens(settings.loss)
    let isDuplicated = random.happens(settings.duplication)
    let isCorrupted = random.happens(settings.corruption)
    let isReordered = random.happens(settings.reordering)
    let jitter = Interval(
      nanoseconds: Int64(Double(settings.jitter.nanoseconds) * random.fraction()))
    let damage = random.next()

    treat(&frame, at: now)
    guard let departure = departure(of: frame, at: now) else {
      statistics.overflowed += 1
      return
    }
    if isLost(frame, byChance: isLostByChance, at: now) {
      statistics.lost += 1
      return
    }
    if isCorrupted, !frame.bytes.isEmpty {
      statistics.corrupted += 1
      let bit = Int(damage % UInt64(frame.bytes.count * 8))
      frame.bytes[bit / 8] ^= 1 << (bit % 8)
    }
    var arrival = departure + settings.delay + jitter
    if isReordered {
      statistics.reordered += 1
      arrival = arrival + settings.reorderingDelay
    }
    insert(frame, arrival)
    if isDuplicated {
      statistics.duplicated += 1
      insert(frame, arrival + settings.delay / 2)
    }
  }

  /// Before it joins the queue, as a router with active queue management does.
  private mutating func treat(_ frame: inout Frame, at now: Instant) {
    let isMarkable = settings.ecn.marks(waiting: octetsWaiting(at: now), &markRandom)
    guard isMarkable || settings.ecn.fault != .none else { return }
    if settings.ecn.change(&frame, marking: isMarkable) { statistics.marked += 1 }
  }

  private mutating func isLost(
    _ frame: Frame, byChance isLostByChance: Bool, at now: Instant
  ) -> Bool {
    var isLost = isLostByChance || now < burstEnd
    if isLostByChance { burstEnd = now + settings.lossBurst }
    if let period = settings.lossPeriod, frame.bytes.count > 80 {
      textFrames += 1
      if textFrames == period {
        textFrames = 0
        isLost = true
      }
    }
    return isLost
  }

  /// When the last bit leaves, or `nil` when the queue is full.
  private mutating func departure(of frame: Frame, at now: Instant) -> Instant? {
    guard let rate = settings.rate else { return now }
    guard octetsWaiting(at: now) <= settings.queueLimit else { return nil }
    let start = max(now, busyUntil)
    busyUntil = start + .nanoseconds(Int64(frame.bytes.count) * 1_000_000_000 / Int64(rate))
    return busyUntil
  }

  private mutating func insert(_ frame: Frame, _ arrival: Instant) {
    flights.append(Flight(arrival: arrival, number: nextNumber, frame: frame))
    nextNumber += 1
    var child = flights.count - 1
    while child > 0, comesBefore(child, (child - 1) / 2) {
      flights.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private mutating func removeFirst() -> Flight {
    flights.swapAt(0, flights.count - 1)
    let first = flights.removeLast()
    var parent = 0
    while true {
      var earliest = parent
      for child in [2 * parent + 1, 2 * parent + 2]
      where child < flights.count && comesBefore(child, earliest) { earliest = child }
      if earliest == parent { return first }
      flights.swapAt(parent, earliest)
      parent = earliest
    }
  }

  private func comesBefore(_ left: Int, _ right: Int) -> Bool {
    (flights[left].arrival, flights[left].number)
      < (flights[right].arrival, flights[right].number)
  }
}
