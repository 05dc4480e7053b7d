// What must hold over the whole trace of a conversation, whatever the test is about: the right edge
// of the receive window never moves left (SHLD-14), nothing is sent beyond any window the peer ever
// opened but a one-octet probe (CC-1), timestamps on all segments or on none (TS-6), SACK only where
// both permitted it (SACK-1) and as `SACKChecks` has it, ECT on new text only (ECN-2), AE only where a SYN had it (AECN-2). Knows only
// what was on the wire. Forgets a conversation when the stack sends a new SYN.

import UserTCP

public struct ConversationChecks {
  private struct Ends: Hashable {
    var peer: IPv4Address
    var peerPort: UInt16
    var stackPort: UInt16
  }

  private struct Conversation {
    var stackSYN: Segment
    var peerSYN: Segment?
    /// Highest octet the stack has ever permitted, plus one.
    var stackEdge: SequenceNumber?
    /// Highest octet the peer has ever permitted, plus one.
    var peerEdge: SequenceNumber?
    var sackChecks = SACKChecks()
    /// Highest octet the stack has sent, plus one.
    var sentEdge: SequenceNumber?
    /// On a SYN of either end.
    var sawAE = false

    var permitsSACK: Bool {
      stackSYN.options.contains(.sackPermitted)
        && peerSYN?.options.contains(.sackPermitted) == true
    }
    var scales: Bool { stackSYN.windowScale != nil && peerSYN?.windowScale != nil }
    var stackShift: Int { scales ? min(14, stackSYN.windowScale!) : 0 }
    var peerShift: Int { scales ? min(14, peerSYN!.windowScale!) : 0 }
    /// `nil` until both SYNs are known.
    var stamps: Bool? {
      peerSYN.map { $0.timestamps != nil && stackSYN.timestamps != nil }
    }
  }

  /// The stack has leave to offer less than before (`tcp_shrink_window`).
  public var allowsShrinkingWindows = false
  private var conversations: [Ends: Conversation] = [:]
  private var pendingSYN: [Ends: Segment] = [:]

  public init() {}

  /// Segments that the peer sends; only well-formed ones.
  public mutating func note(fromPeer segment: Segment, at peer: IPv4Address) {
    guard let peerPort = segment.sourcePort, let stackPort = segment.destinationPort else { return }
    let ends = Ends(peer: peer, peerPort: peerPort, stackPort: stackPort)
    if segment.flags.contains(.syn), !segment.flags.contains(.rst) {
      pendingSYN[ends] = segment
      if segment.flags.contains(.ae) { conversations[ends]?.sawAE = true }
      // An active open: the peer's SYN comes after ours. Later SYNs change nothing.
      if conversations[ends]?.stackEdge == nil { conversations[ends]?.peerSYN = segment }
    }
    guard segment.flags.contains(.ack), !segment.flags.contains(.rst),
      var conversation = conversations[ends]
    else { return }
    conversation.sackChecks.note(fromPeer: segment, within: conversation.stackEdge)
    let shift = segment.flags.contains(.syn) ? 0 : conversation.peerShift
    let edge = segment.acknowledgment + Int(segment.window) << shift
    conversation.peerEdge = conversation.peerEdge.map { .latest($0, edge) } ?? edge
    conversations[ends] = conversation
  }

  /// What is wrong with a segment that the stack sends.
  public mutating func problems(
    fromStack segment: Segment, to peer: IPv4Address
  ) -> [String] {
    guard let peerPort = segment.destinationPort, let stackPort = segment.sourcePort,
      !segment.flags.contains(.rst)
    else { return [] }
    let ends = Ends(peer: peer, peerPort: peerPort, stackPort: stackPort)
    if segment.flags.contains(.syn) { return synProblems(segment, ends) }
    guard var conversation = conversations[ends] else { return [] }
    defer { conversations[ends] = conversation }
    var problems: [String] = []
    if let stamps = conversation.stamps, stamps != (segment.timestamps != nil) {
      problems.append(stamps ? "timestamps are missing (TS-6)" : "unexpected timestamps (TS-6)")
    }
    if segment.flags.contains(.ack) {
      let edge = segment.acknowledgment + Int(segment.window) << conversation.stackShift
      // Rounding by the shift may hide less than one unit of it (RFC 7323 §2.4, TS-4).
      if !allowsShrinkingWindows, let before = conversation.stackEdge,
        edge + (1 << conversation.stackShift) <= before
      {
        problems.append("the receive window's right edge moved left by \(before - edge) (SHLD-14)")
      }
      conversation.stackEdge = conversation.stackEdge.map { .latest($0, edge) } ?? edge
    }
    if segment.flags.contains(.ae), !conversation.sawAE {
      problems.append("AE, which nobody has asked for (AECN-2)")
    }
    if !segment.sackBlocks.isEmpty {
      if !conversation.permitsSACK { problems.append("SACK without permission (SACK-1)") }
      problems += conversation.sackChecks.problems(of: segment)
    }
    if !segment.payload.isEmpty {
      let end = segment.sequence + segment.payload.count
      if let edge = conversation.sentEdge, segment.ecn != .notECT, segment.sequence < edge {
        problems.append("ECT on text that was sent before (ECN-2)")
      }
      conversation.sentEdge = conversation.sentEdge.map { .latest($0, end) } ?? end
    }
    if let edge = conversation.peerEdge, !segment.payload.isEmpty {
      let beyond = (segment.sequence + segment.payload.count) - edge
      if beyond > (segment.payload.count == 1 ? 1 : 0) {
        problems.append("\(beyond) octets beyond the peer's window (CC-1)")
      }
    }
    return problems
  }

  private mutating func synProblems(_ segment: Segment, _ ends: Ends) -> [String] {
    let isAnswer = segment.flags.contains(.ack)
    let known = conversations[ends]
    if known == nil || known!.stackSYN.sequence != segment.sequence {
      conversations[ends] = Conversation(
        stackSYN: segment, peerSYN: isAnswer ? pendingSYN[ends] : nil)
    } else if isAnswer {
      conversations[ends]!.stackSYN = segment
      if known!.stackEdge == nil { conversations[ends]!.peerSYN = pendingSYN[ends] }
    }
    let syn = conversations[ends]?.peerSYN
    if segment.flags.union(syn?.flags ?? []).contains(.ae) { conversations[ends]!.sawAE = true }
    guard isAnswer, let syn else { return [] }
    var problems: [String] = []
    if segment.flags.contains(.ae), !syn.flags.contains(.ae) {
      problems.append("SYN-ACK with AE unasked (AECN-2)")
    }
    if segment.windowScale != nil, syn.windowScale == nil {
      problems.append("SYN-ACK scales the window unasked (TS-1)")
    }
    if segment.timestamps != nil, syn.timestamps == nil {
      problems.append("SYN-ACK has timestamps unasked (TS-6)")
    }
    if segment.options.contains(.sackPermitted), !syn.options.contains(.sackPermitted) {
      problems.append("SYN-ACK permits SACK unasked (SACK-1)")
    }
    return problems
  }
}
