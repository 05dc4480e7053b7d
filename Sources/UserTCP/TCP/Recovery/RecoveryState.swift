// The state of loss detection and recovery of one connection while something is in flight: sums over its
// transmissions, and the small machines that each stand in a file of their own.

struct RecoveryState: BitwiseCopyable {
  enum Phase: UInt8, BitwiseCopyable {
    case open
    /// After a mark that ACKs echoed (RFC 3168): the window shrinks, and nothing is sent again.
    case reduction
    /// After a loss that ACKs told of (RFC 6675).
    case recovery
    /// After a timeout.
    case loss
  }

  /// What the retransmission deadline stands for.
  enum Timer: UInt8, BitwiseCopyable {
    case retransmission
    /// RACK's: what is in doubt may be lost by then.
    case reordering
    /// The tail loss probe.
    case probe
  }

  /// The one retransmission of the tail in a recovery (RFC 6675 §4, RescueRxt).
  enum Rescue: UInt8, BitwiseCopyable {
    /// Nothing has been acknowledged since: the tail may well be on its way.
    case tooEarly
    case possible
    case done
  }

  // Where the transmissions lie; `ActivityBlock`'s own.
  var capacity: UInt32
  var head: UInt32 = 0
  var count: UInt32 = 0
  /// Where the first of them begins: SND.UNA.
  var start: SequenceNumber

  /// Octets of transmissions that are SACKed, lost (and not SACKed), and sent again.
  var sacked: UInt32 = 0
  var lost: UInt32 = 0
  var resent: UInt32 = 0
  /// Of the lost ones, those that were too large for the path.
  var oversized: UInt32 = 0
  /// Of those that are lost, the ones that wait to be sent again; none of them lies before `dueFrom`.
  var due: UInt32 = 0
  var dueFrom: SequenceNumber
  /// Octets that have arrived at the peer since the block was taken, modulo 2^32.
  var delivered: UInt32 = 0

  var phase = Phase.open
  /// Nothing is being repaired.
  var isIntact: Bool { phase == .open || phase == .reduction }
  var timer = Timer.retransmission
  /// SND.NXT when the phase began (RFC 6675 RecoveryPoint).
  var recoveryPoint: SequenceNumber
  var rescue = Rescue.tooEarly
  /// When a loss last cut the window.
  var reducedAt = Instant.zero
  var rack: RACK
  var reduction = ProportionalRateReduction()
  var undo = SpuriousRecovery()
  var probe = TailLossProbe()
  var pathProbe = PathProbe.none
  var rate = DeliveryRate()
  var pacing = Pacing()
  var hyStart: HyStart
  var validation: WindowValidation

  init(start: SequenceNumber, capacity: UInt32) {
    self.capacity = capacity
    self.start = start
    recoveryPoint = start
    dueFrom = start
    rack = RACK(start: start)
    hyStart = HyStart(start: start)
    validation = WindowValidation(start: start)
  }

  /// Of use after everything has been acknowledged: a late D-SACK or duplicate may still tell that a
  /// retransmission or a probe was in vain, and how much later segments come is worth knowing.
  var isWorthKeeping: Bool {
    phase != .open || undo.isArmed || probe.isOut || rack.sawReordering
  }

  /// Octets that are on their way, of `outstanding` = SND.NXT - SND.UNA (RFC 6675 "pipe").
  func pipe(outstanding: Int) -> Int {
    max(0, outstanding - Int(sacked) - Int(lost) + Int(resent))
  }
}
