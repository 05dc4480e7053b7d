// Accurate ECN (RFC 9768) without its option: how many packets arrived marked is told on every segment, modulo
// 8, so that the sender hears of each round trip's marks and not only that there were some. Its answer
// is the one of `Connection+ECN`. A path that changes the bits is found out, and then nothing is sent
// that could be marked.

extension Connection {
  // MARK: Opening

  /// The answer to a SYN of ours with all three bits (§3.1.2, table 2).
  mutating func learnAccurateECN(from segment: TCPSegment) {
    if segment.hasACK, let told = segment.flags.handshakeCodepoint {
      ecn.flags.insert([.sendsECT, .awaitsFirstCount])
      ecn.answerArrived(segment.ecn)
      // Our SYN was not ECT: if it came otherwise, or its answer does, the path writes to the field.
      if told != .notECT { distrustPath() }
    } else if !segment.hasACK, segment.asksForAccurateECN {
      ecn.flags.insert(.sendsECT)
      ecn.answerArrived(segment.ecn)
    } else {
      let bits = segment.flags.intersection(.ecn)
      // 101 was the nonce's (RFC 3540): a classic peer.
      let isClassic =
        segment.hasACK ? bits == .ece || bits == [.ae, .ece] : segment.asksForECN
      ecn = ECNState()
      if isClassic { ecn.flags = [.isAgreed, .sendsECT] }
    }
  }

  /// §3.2.2.3, §3.2.2.4: what the path does to the bits cannot be believed. What arrives is counted and told
  /// as before, for the peer may have the better path.
  private mutating func distrustPath() {
    ecn.flags.subtract([.sendsECT, .awaitsFirstCount])
  }

  // MARK: Receiving

  /// An acceptable segment, with text or without.
  mutating func countMark(on segment: TCPSegment) {
    guard segment.ecn != .notECT || segment.textCount > 0 else { return }
    var parts = 1
    if segment.segmentSize > 0, segment.textCount > segment.segmentSize {
      parts = (segment.textCount + segment.segmentSize - 1) / segment.segmentSize
    }
    if segment.ecn != .notECT { ecn.flags.insert(.sawCodepoint) }
    if ecn.arrived(segment.ecn, parts: parts, hasText: segment.textCount > 0) { acknowledgeNow() }
  }

  // MARK: What the peer counts

  /// Whether an acceptable segment tells of new marks. More than seven between two ACKs look like fewer; that
  /// eight look like none is left to the next ACK.
  mutating func tellsOfMarks(_ segment: TCPSegment) -> Bool {
    // An ACK that shows nothing new may be an old one, overtaken by others.
    let isNew =
      segment.acknowledgment > send.unacknowledged
      || (segment.acknowledgment == send.unacknowledged && !segment.options.sackBlocks.isEmpty)
    if ecn.flags.contains(.awaitsFirstCount) { return firstCountArrives(segment) }
    guard isNew else { return false }
    return ecn.marksTold(segment.flags.congestionCount) > 0 && ecn.flags.contains(.sendsECT)
  }

  /// §3.2.2.4: a counter that begins at zero has been cleared. The first ACK of a client has the codepoint of
  /// our SYN-ACK instead, which was not ECT (§3.2.2.1).
  private mutating func firstCountArrives(_ segment: TCPSegment) -> Bool {
    let count = segment.flags.congestionCount
    ecn.flags.remove(.awaitsFirstCount)
    if count == 0 {
      distrustPath()
      return false
    }
    let isHandshake =
      !send.isSYNAcknowledged && segment.length == 0 && segment.options.sackBlocks.isEmpty
    guard isHandshake else { return ecn.marksTold(count) > 0 && ecn.flags.contains(.sendsECT) }
    if let told = segment.flags.handshakeCodepoint, told != .notECT { distrustPath() }
    return false
  }
}
