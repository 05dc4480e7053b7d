// Blocks of the SACK option (RFC 2018 §3): what has arrived beyond the acknowledgment field, or twice
// (RFC 2883). A block whose right edge is not right of its left does not exist here; the parser counts it.

/// At most four blocks: as many as forty octets of options can hold.
struct SACKBlocks: BitwiseCopyable {
  struct Block: Hashable, BitwiseCopyable {
    var left: SequenceNumber
    /// One past the last octet.
    var right: SequenceNumber
  }

  static let limit = 4

  private var blocks = InlineArray<4, Block>(
    repeating: Block(left: SequenceNumber(0), right: SequenceNumber(0)))
  private(set) var count: UInt8 = 0
  /// Blocks that could not be: right of left, or nothing between.
  private(set) var invalid: UInt8 = 0

  init() {}

  var isEmpty: Bool { count == 0 }
  /// The option with the two NOPs in front of it; 0 without blocks.
  var encodedCount: Int { count == 0 ? 0 : 4 + 8 * Int(count) }

  subscript(index: Int) -> Block {
    precondition(index < Int(count), "no such block")
    return blocks[index]
  }

  /// Drops what is impossible, and what does not fit.
  mutating func append(_ block: Block) {
    guard block.left < block.right else {
      invalid += 1
      return
    }
    guard Int(count) < Self.limit else { return }
    blocks[Int(count)] = block
    count += 1
  }

  /// Those from `first` on, the lowest first.
  func ascending(from first: Int) -> SACKBlocks {
    var sorted = SACKBlocks()
    for index in min(first, Int(count))..<Int(count) {
      var place = Int(sorted.count)
      sorted.count += 1
      while place > 0, blocks[index].left < sorted.blocks[place - 1].left {
        sorted.blocks[place] = sorted.blocks[place - 1]
        place -= 1
      }
      sorted.blocks[place] = blocks[index]
    }
    return sorted
  }
}

extension SACKBlocks: Equatable {
  static func == (left: SACKBlocks, right: SACKBlocks) -> Bool {
    left.count == right.count && (0..<Int(left.count)).allSatisfy { left[$0] == right[$0] }
  }
}
