// A link's two ways, from checked options. Every mistake is a line and exit code 64, before anything runs.

import UserTCPRuntime
import UserTCPSimulation

struct LinkPlan: Sendable {
  /// The way of the data, or from the first device to the second.
  var there = LinkSettings()
  var back = LinkSettings()
  var seed: UInt64

  /// Of an Ethernet, in which queues are counted.
  static let packetSize = 1500

  init(_ options: LinkOptions) throws(Failure) {
    there.rate = Int(
      try OptionText.number("--rate", options.rate, 0.01...10_000, "Mbit/s") * 125_000)
    there.delay = try OptionText.milliseconds("--delay", options.delay, from: 0.01)
    back = there
    there.loss = try OptionText.percent("--loss", options.loss)
    there.lossBurst = try OptionText.milliseconds("--loss-burst", options.lossBurst)
    there.reordering = try OptionText.percent("--reordering", options.reordering)
    there.reorderingDelay = try OptionText.milliseconds(
      "--reordering-delay", options.reorderingDelay)
    there.duplication = try OptionText.percent("--duplication", options.duplication)
    there.corruption = try OptionText.percent("--corruption", options.corruption)
    there.jitter = try OptionText.milliseconds("--jitter", options.jitter)
    let product = Self.bandwidthDelayProduct(there)
    let queue = try Self.queue("--queue", options.queue, product: product)
    // A link looks before it adds: the last packet stands beyond the limit.
    there.queueLimit = (queue - 1) * Self.packetSize
    back.queueLimit = there.queueLimit
    if let text = options.markAbove {
      let mark = try Self.queue("--mark-above", text, product: product)
      guard mark < queue else {
        throw .usage(
          "--mark-above: '\(text)' is \(mark) packets; take fewer than --queue's \(queue)")
      }
      there.ecn.markThreshold = mark * Self.packetSize
    }
    if options.isBothWays { back = there }
    guard let seed = UInt64(options.seed) else {
      throw .usage("--seed: '\(options.seed)' does not fit; take 0 to \(UInt64.max)")
    }
    self.seed = seed
  }

  /// Rate times round trip, in octets: what fills the path without a queue.
  var bandwidthDelayProduct: Int { Self.bandwidthDelayProduct(there) }
  /// Packets of full size that may wait.
  var queuePackets: Int { there.queueLimit / Self.packetSize + 1 }

  mutating func markAbove(packets: Int) {
    there.ecn.markThreshold = packets * Self.packetSize
  }

  private static func bandwidthDelayProduct(_ link: LinkSettings) -> Int {
    Int(Double(link.rate ?? 0) * Double(link.delay.nanoseconds) * 2 / 1e9)
  }

  /// In packets.
  private static func queue(
    _ option: String, _ text: String, product: Int
  ) throws(Failure) -> Int {
    if let packets = Int(text), (1...100_000).contains(packets) { return packets }
    if text.hasSuffix("bdp"), let share = Double(text.dropLast(3)), (0.01...100).contains(share) {
      return min(max(Int(share * Double(product) / Double(packetSize)), 1), 100_000)
    }
    throw .usage(
      "\(option): '\(text)' does not fit; take 1 to 100000 packets, or 0.01bdp to 100bdp")
  }

  // MARK: In words

  /// Like "200 Mbit/s, 10 ms each way, queue of 333 packets (1.00 BDP), 1 % lost".
  var description: String {
    let rate = Double(there.rate ?? 0) * 8 / 1e6
    let share =
      Double(queuePackets * Self.packetSize) / Double(max(bandwidthDelayProduct, 1))
    var words = [
      "\(rate.shortText) Mbit/s", "\(there.delay.milliseconds.shortText) ms each way",
      "queue of \(queuePackets) packets (\(share.text(2)) BDP)",
    ]
    if let mark = there.ecn.markThreshold { words.append("marks above \(mark / Self.packetSize)") }
    for (share, word) in [
      (there.loss, "lost"), (there.reordering, "held back"), (there.duplication, "doubled"),
      (there.corruption, "damaged"),
    ] where share > 0 {
      words.append("\((100 * share).shortText) % \(word)")
    }
    if there.lossBurst > .zero {
      words.append("bursts of \(there.lossBurst.milliseconds.shortText) ms")
    }
    if there.jitter > .zero {
      words.append("jitter up to \(there.jitter.milliseconds.shortText) ms")
    }
    return words.joined(separator: ", ")
  }
}
