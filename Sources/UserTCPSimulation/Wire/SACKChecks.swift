// What must hold of the SACK blocks that a stack sends in one conversation, whatever the test is about
// (RFC 2018 §4, RFC 2883 §4): they name only what the peer has sent, each is an island beyond the
// acknowledgment field, and the newest comes first; a duplicate may stand before it. Knows only what
// was on the wire. `ConversationChecks` keeps one for each conversation.

import UserTCP

struct SACKChecks: Sendable {
  /// All that the peer has sent, in islands.
  private var sent: [SegmentBlock] = []
  /// The last segment with text, or a FIN, that the stack was free to take.
  private var newest: SegmentBlock?

  /// - Parameter edge: how far the stack's window reaches; `nil` before its first ACK.
  mutating func note(fromPeer segment: Segment, within edge: SequenceNumber?) {
    guard segment.length > 0, !segment.flags.contains(.rst) else { return }
    let block = SegmentBlock(segment.seq, segment.end)
    insert(block)
    let isInWindow = edge.map { block.left < $0 } ?? true
    if isInWindow, !segment.flags.contains(.syn) { newest = block }
  }

  func problems(of segment: Segment) -> [String] {
    var islands = segment.sackBlocks
    var problems: [String] = []
    for block in islands where !sent.contains(where: { $0.contains(block) }) {
      problems.append("SACK of \(block), which the peer has not sent (SACK-2)")
    }
    if let first = islands.first,
      first.right <= segment.ack || islands.count > 1 && islands[1].contains(first)
    {
      islands.removeFirst()  // a duplicate (SACK-8)
    }
    for (index, block) in islands.enumerated() {
      if block.left <= segment.ack {
        problems.append("SACK of \(block) at or below the acknowledgment (SACK-2, SACK-8)")
      }
      for other in islands[..<index] where block.left <= other.right && other.left <= block.right {
        problems.append("SACK blocks \(other) and \(block) are one (SACK-2)")
      }
    }
    if let newest, newest.left > segment.ack,
      let place = islands.firstIndex(where: { $0.left <= newest.left && newest.left < $0.right }),
      place > 0
    {
      problems.append("SACK block \(islands[place]) is the newest and not the first (SACK-2)")
    }
    return problems
  }

  private mutating func insert(_ block: SegmentBlock) {
    var merged = block
    sent.removeAll { other in
      guard other.left <= merged.right, merged.left <= other.right else { return false }
      merged.left = .earliest(merged.left, other.left)
      merged.right = .latest(merged.right, other.right)
      return true
    }
    sent.append(merged)
  }
}
