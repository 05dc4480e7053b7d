// The options that describe a link: of `tunstack simulate`, where it is virtual, and of `tunstack link`, where
// it is real.

import ArgumentParser

struct LinkOptions: ParsableArguments {
  @Option(help: "Rate of the link, 0.01 to 10000 Mbit/s.")
  var rate = "10"

  @Option(help: "Time that a packet takes each way, 0.01 to 10000 ms.")
  var delay = "20"

  @Option(
    help:
      "What waits for the rate: 1 to 100000 packets, or a share of rate times round trip like 0.5bdp."
  )
  var queue = "1bdp"

  @Option(
    help:
      "Length from which the queue marks packets that allow it (ECN) instead of waiting until it overflows: as --queue, shorter than it."
  )
  var markAbove: String?

  @Option(help: "Packets lost, percent.")
  var loss = "0"

  @Option(help: "What comes so long after a lost packet is lost with it, 0 to 10000 ms.")
  var lossBurst = "0"

  @Option(help: "Packets held back so that later ones overtake them, percent.")
  var reordering = "0"

  @Option(help: "How long they are held back, 0 to 10000 ms.")
  var reorderingDelay = "15"

  @Option(help: "Packets that arrive twice, percent.")
  var duplication = "0"

  @Option(help: "Packets with a bit turned over, percent.")
  var corruption = "0"

  @Option(help: "Added to the delay by chance, up to this, 0 to 10000 ms; may reorder.")
  var jitter = "0"

  @Flag(name: .customLong("both-ways"), help: "Have all that befall the way back, too.")
  var isBothWays = false

  @Option(help: "Where all luck comes from; the same seed gives the same luck.")
  var seed = "1"
}
