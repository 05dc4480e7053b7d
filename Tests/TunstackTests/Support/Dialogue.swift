// A client without a network: feeds an `HTTPConversation` in pieces of any size through a transport
// that takes as much as it is told, and collects what comes back.

@testable import tunstack

/// A transport whose room is a fixed number of octets between two flushes.
struct Basin: HTTPTransport {
  var octets: [UInt8] = []
  var room: Int
  var pages = 0

  mutating func write(_ more: RawSpan) -> Int {
    let count = min(room, more.byteCount)
    for offset in 0..<count { octets.append(more.octet(offset)) }
    room -= count
    return count
  }

  mutating func statusPage() -> [UInt8] {
    pages += 1
    return Array("{}".utf8)
  }
}

struct Dialogue {
  private(set) var conversation = HTTPConversation()
  private(set) var basin: Basin
  private let room: Int
  private var unread: [UInt8] = []

  /// `room`: what the transport takes at a time.
  init(room: Int = .max) {
    self.room = room
    basin = Basin(room: room)
  }

  var output: String { String(decoding: basin.octets, as: UTF8.self) }
  var isOver: Bool { conversation.isOver }
  /// Input that back pressure has kept out.
  var unreadCount: Int { unread.count }

  /// Sends `octets` and reads whatever is answered.
  mutating func send(_ octets: some Sequence<UInt8>) {
    offer(octets)
    // A turn empties the basin; some turn brings nothing new, or this is a hang.
    var idleTurns = 0
    while idleTurns < 2 {
      let before = (basin.octets.count, unread.count)
      drain()
      idleTurns = before == (basin.octets.count, unread.count) ? idleTurns + 1 : 0
    }
  }

  mutating func send(_ text: String) { send(text.utf8) }

  /// Sends `octets` to a server whose client does not read.
  mutating func offer(_ octets: some Sequence<UInt8>) {
    unread += octets
    take()
  }

  /// The client reads, so there is room again.
  mutating func drain() {
    basin.room = room
    if conversation.flush(to: &basin) { take() }
  }

  mutating func inputEnded() { conversation.inputEnded() }
  mutating func stop() { conversation.stop() }

  private mutating func take() {
    let lent = unread
    let consumed = conversation.take(lent.octets, to: &basin)
    unread.removeFirst(consumed)
  }

  /// What the server answers to `input`, sent in `pieces`, and whether it then closes.
  static func answer(
    to input: [UInt8], cutAt cuts: [Int] = [], room: Int = .max
  ) -> (output: String, isOver: Bool) {
    var dialogue = Dialogue(room: room)
    var start = 0
    for cut in cuts + [input.count] {
      dialogue.send(input[start..<cut])
      start = cut
    }
    return (dialogue.output, dialogue.isOver)
  }

  static func answer(to input: String) -> (output: String, isOver: Bool) {
    answer(to: Array(input.utf8))
  }
}

/// Numbers that are the same in every run (SplitMix64).
struct Dice: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }
  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
    return mixed ^ mixed >> 31
  }
}
