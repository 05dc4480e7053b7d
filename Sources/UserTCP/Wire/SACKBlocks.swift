// Blocks of the SACK option (RFC 2018 §3): what has arrived beyond the acknowledgment field, or twice
// (RFC 2883). A block whose right edge is not right of its left does not exist here; the parser counts it.

/// At most four blocks: as many as forty octets of options can hold.
struct SACKBlocks: Equatable, BitwiseCopyable {
  struct Block: Hashable, BitwiseCopyable {
    var left: SequenceNumber
    /// One past the last octet.
    var right: SequenceNumber

    static let none = Block(left: SequenceNumber(0), right: SequenceNumber(0))
  }

  static let limit = 4

  // Four properties and not an InlineArray, of whose `==` the optimiser of Swift 6.3.1 makes a function
  // without an end. Those behind `count` are zero.
  private var first = Block.none
  private var second = Block.none
  private var third = Block.none
  private var fourth = Block.none
  private(set) var count: UInt8 = 0
  /// Blocks that could not be: right of left, or nothing between.
  private(set) var invalid: UInt8 = 0

  init() {}

  var isEmpty: Bool { count == 0 }
  /// The option with the two NOPs in front of it; 0 without blocks.
  var encodedCount: Int { count == 0 ? 0 : 4 + 8 * Int(count) }

  subscript(index: Int) -> Block {
    precondition(index >= 0 && index < Int(count), "no such block")
    return block(index)
  }

  private func block(_ index: Int) -> Block {
    switch index {
    case 0: first
    case 1: second
    case 2: third
    default: fourth
    }
  }

  private mutating func set(_ index: Int, _ block: Block) {
    switch index {
    case 0: first = block
    case 1: second = block
    case 2: third = block
    default: fourth = block
    }
  }

  /// Drops what is impossible, and what does not fit.
  mutating func append(_ block: Block) {
    guard block.left < block.right else {
      invalid += 1
      return
    }
    guard Int(count) < Self.limit else { return }
    set(Int(count), block)
    count += 1
  }

  /// Those from `first` on, the lowest first.
  func ascending(from first: Int) -> SACKBlocks {
    var sorted = SACKBlocks()
    for index in min(first, Int(count))..<Int(count) {
      var place = Int(sorted.count)
      sorted.count += 1
      while place > 0, block(index).left < sorted.block(place - 1).left {
        sorted.set(place, sorted.block(place - 1))
        place -= 1
      }
      sorted.set(place, block(index))
    }
    return sorted
  }
}
