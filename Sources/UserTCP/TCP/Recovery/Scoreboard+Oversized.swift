// What the path has dropped because it was too large, not because there was too much of it (RFC 1191 §6.4,
// RFC 4821 §7.5). It is lost, and so it is sent again; but it says nothing of congestion, and while
// nothing else is lost no recovery begins.

extension ActivityBlock {
  /// Something was lost that was not too large.
  var hasCongestionLoss: Bool { state.lost > state.oversized }

  /// Nothing is missing, and no probe is out already.
  var mayProbePath: Bool {
    state.phase == .open && state.lost == 0 && state.sacked == 0 && !state.pathProbe.isOut
  }

  /// Nothing else is lost that was not too large.
  func isOnlyLoss(_ index: Int) -> Bool {
    Int(state.lost - state.oversized) == length(of: index)
  }

  /// What is larger than `size` has been dropped on the way (PMTU-2).
  mutating func assumeOversized(above size: Int) {
    for index in 0..<count
    where !self[index].isSacked && !self[index].isDue && length(of: index) > size {
      markOversized(index)
    }
    meltOversized()
  }

  /// Neighbours that wait to be sent again because of their size become one, which is then cut anew.
  private mutating func meltOversized() {
    guard count > 1 else { return }
    var last = 0
    for index in 1..<count {
      if isOversizedAndDue(last), isOversizedAndDue(index) {
        self[last].end = self[index].end
        self[last].flags.formUnion(self[index].flags)
      } else {
        last += 1
        self[last] = self[index]
      }
    }
    state.count = UInt32(last + 1)
  }

  private func isOversizedAndDue(_ index: Int) -> Bool {
    self[index].isDue && self[index].flags.contains(.oversized)
  }

  /// Transmission `index` was too large. If its octets are lost once more, that is a loss like any other.
  mutating func markOversized(_ index: Int) {
    var delivery = Delivery()
    if !self[index].isDue { markLost(index, &delivery) }
    guard !self[index].flags.contains(.oversized) else { return }
    self[index].flags.insert(.oversized)
    state.oversized += UInt32(length(of: index))
  }

  /// `length` octets of transmission `index` have arrived, or have been lost again.
  mutating func excuseNoMore(_ index: Int, length: Int) {
    guard self[index].flags.contains(.oversized) else { return }
    state.oversized -= UInt32(length)
  }
}
