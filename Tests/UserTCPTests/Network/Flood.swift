// Packets by the million for a stack under test, past scripts and transcripts, which would choke on them.

import UserTCP
import UserTCPSimulation

/// Feeds packets to a stack by the batch and counts what it answers.
struct Flood: ~Copyable {
  private var batch = IncomingBatch(packetLimit: 256, byteLimit: 1 << 20)
  private var answers = OutgoingBatch(capacity: 256)
  private(set) var answered = 0

  /// Marked as verified, so that nobody has to compute a million checksums.
  mutating func add(_ bytes: [UInt8], to peer: ScriptedPeer) {
    batch.append(bytes, offload: OffloadInfo(checksum: .verified))
    if batch.isFull { flush(to: peer) }
  }

  mutating func flush(to peer: ScriptedPeer) {
    peer.stack.receive(batch, at: peer.now)
    batch.removeAll()
    repeat {
      answers.removeAll()
      peer.stack.poll(at: peer.now, into: &answers)
      answered += answers.count
    } while !answers.isEmpty
    while peer.stack.nextNotification() != nil {}
  }
}

extension [UInt8] {
  mutating func put(_ value: UInt32, at offset: Int) {
    for index in 0..<4 {
      self[offset + index] = UInt8(truncatingIfNeeded: value >> UInt32(24 - 8 * index))
    }
  }
}
