// A wire between two TUN devices, in real time: what one kernel sends comes out at the other after the rate,
// the queue, the delay and the luck of a `Link`. One thread that waits for a frame or for the next
// arrival, whichever is first; no offloads, so a frame is what a wire would carry. At 200 Mbit/s it
// carries 17,000 frames a second with a fifth of a core.

import CTun
import Glibc
import UserTCPRuntime
import UserTCPSimulation

/// What became of the frames of one way.
struct LinkTally: Sendable {
  var link = Link.Statistics()
  /// The most octets that have waited for the rate.
  var queuePeak = 0
  /// Frames that had arrived, but the receiving interface was down.
  var undelivered = 0
  /// Handed over more than a millisecond after their time: this machine had no time for us.
  var late = 0
}

struct LinkRelay: ~Copyable {
  private struct Way {
    var link: Link
    var tally = LinkTally()
  }

  /// What is handed over later than this is counted as late.
  private static let tolerance = Interval.milliseconds(1)

  private let devices: [TunDevice]
  private let bell: Bell
  /// From the first device to the second, and back.
  private var ways: [Way]
  private var batch = IncomingBatch(packetLimit: 64)

  /// Takes the devices over, which must have no offloads.
  init(from first: TunDevice, to second: TunDevice, _ plan: LinkPlan, until bell: Bell) {
    devices = [first, second]
    self.bell = bell
    var random = SeededRandom(seed: plan.seed)
    ways = [plan.there, plan.back].map { Way(link: Link(settings: $0, seed: random.next())) }
  }

  /// Until the bell rings; returns the tallies there and back. Blocks, so never on a loop.
  consuming func run() throws(DeviceError) -> [LinkTally] {
    // The kernel rounds waits up by 50 µs, nearly a frame's time at 200 Mbit/s, if it may.
    _ = ctun_set_timer_slack(1_000)
    defer { for device in devices { device.close() } }
    var found: Int32 = 0
    while found & Int32(CTUN_EVENT_READY) == 0 {
      if found & Int32(CTUN_DEVICE_READY) != 0 { try receive(from: 0) }
      if found & Int32(CTUN_OTHER_READY) != 0 { try receive(from: 1) }
      for way in ways.indices { try deliver(way) }
      found = ctun_wait_for_two(
        devices[0].descriptor ?? -1, devices[1].descriptor ?? -1, bell.descriptor, timeToWait)
    }
    return ways.map { way in
      var tally = way.tally
      tally.link = way.link.statistics
      return tally
    }
  }

  private var now: Instant { Instant(nanoseconds: ctun_monotonic_nanoseconds()) }

  /// Until the next arrival, in nanoseconds; negative: for ever.
  private var timeToWait: Int64 {
    let next = min(ways[0].link.nextArrival, ways[1].link.nextArrival)
    return next == .never ? -1 : max(0, (next - now).nanoseconds)
  }

  /// A batch at most: then it is the other device's turn.
  private mutating func receive(from side: Int) throws(DeviceError) {
    batch.removeAll()
    do throws(DeviceError) {
      try devices[side].receive(into: &batch)
    } catch .linkDown {
      return  // it may come up again
    }
    let now = now
    for index in 0..<batch.count {
      let octets = unsafe batch.packet(at: index).withUnsafeBytes { unsafe Array($0) }
      ways[side].link.send(Frame(octets), at: now)
      ways[side].tally.queuePeak = max(
        ways[side].tally.queuePeak, ways[side].link.octetsWaiting(at: now))
    }
  }

  private mutating func deliver(_ way: Int) throws(DeviceError) {
    let now = now
    while true {
      let due = ways[way].link.nextArrival
      guard let frame = ways[way].link.receive(at: now) else { return }
      if now - due > Self.tolerance { ways[way].tally.late += 1 }
      let isTaken = unsafe try devices[1 - way].write(frame.bytes.span.bytes)
      if !isTaken { ways[way].tally.undelivered += 1 }
    }
  }
}

/// Wakes a thread that waits in poll(2).
final class Bell: Sendable {
  let descriptor: Int32

  init() throws(Failure) {
    let result = ctun_event_open()
    guard result >= 0 else {
      throw Failure(.system, "eventfd: \(unsafe String(cString: strerror(-result)))")
    }
    descriptor = result
  }

  deinit { close(descriptor) }

  func ring() { ctun_event_signal(descriptor) }
}
