// What a connection may use besides itself, lent to it for the length of one call: the time, what
// the operator decided, counters, memory, and the queue for segments that need nothing remembered.
// There is one per stack; connections keep no reference to it.

@safe struct TCPContext: ~Copyable {
  /// The time of the turn. Everything between two readings of the clock happens now.
  var now: Instant = .zero
  var settings: StackSettings
  var counters = TCPCounters()
  /// Control blocks by state; those in TIME-WAIT and CLOSED are not counted.
  var states = StateCounts()
  /// Control blocks whose program is gone and that are not over.
  var orphanCount = 0
  /// Of other hosts, as far as they are narrower than both ends know.
  var paths: PathTable
  var buffers = BufferPool()
  var replies = ReplyQueue()
  /// What is known of servers for Fast Open.
  var fastOpenCache: FastOpenCache
  private var challenges: ChallengeBudget
  private var pressure = MemoryPressure()
  let secrets: HostSecrets
  /// The device cuts super-segments.
  let sendsSuperSegments: Bool

  init(settings: StackSettings, secrets: HostSecrets, sendsSuperSegments: Bool) {
    self.settings = settings
    self.secrets = secrets
    self.sendsSuperSegments = sendsSuperSegments
    fastOpenCache = FastOpenCache(secrets: secrets)
    paths = PathTable(secrets: secrets)
    challenges = ChallengeBudget(seed: secrets.challengeSeed)
    buffers.limit = settings.memory.limit
  }

  /// IPv4 and TCP headers without options: what the MTU loses to them.
  static let headerCount = 40

  /// Whether a challenge ACK may go out now, as far as the whole stack is concerned (SEC-7).
  mutating func takesChallenge() -> Bool {
    if challenges.take(at: now, limit: settings.challengeLimit) { return true }
    counters.skippedReplies.challenges += 1
    return false
  }

  /// Past the second mark of `tcp_mem`, until it falls below the first.
  var isMemoryShort: Bool { pressure.isOn }

  mutating func watchMemory() {
    pressure.look(at: buffers.bytesLent, settings.memory, now: now, &counters)
  }

  /// What windows may do now.
  var windowAllowance: WindowAllowance {
    WindowAllowance(
      least: isMemoryShort ? settings.leastReceiveBuffer : nil, mayShrink: settings.shrinksWindow)
  }

  /// Where the timestamp clock of a connection counts from (SEC-13, SYS-23).
  func timestampOffset(_ key: ConnectionKey) -> UInt32 {
    settings.timestamps == .noOffset ? 0 : secrets.timestampOffset(key)
  }

  /// The MSS we announce: what fits the interface (R9293-MUST-67, SHLD-6).
  var announcedSegmentSize: UInt16 { UInt16(settings.mtu - Self.headerCount) }

  /// A SYN whose MSS is not believed is worth knowing of (SEC-29).
  mutating func countSegmentSize(announcedBy segment: TCPSegment) {
    guard let size = segment.options.maximumSegmentSize, Int(size) < settings.minimumSegmentSize
    else { return }
    counters.segmentSizesTooSmall += 1
  }

  /// Text octets of a full segment to a peer that announced `remote` (R9293-MUST-15, -16).
  func segmentSize(announcedByPeer remote: UInt16?, timestamps: Bool) -> Int {
    // Below 48 the options alone would fill the segment (SEC-29); none at all is none announced.
    let announced = max(Int(remote == 0 ? 536 : remote ?? 536), settings.minimumSegmentSize)
    return min(announced, settings.mtu - Self.headerCount) - (timestamps ? 12 : 0)
  }
}
