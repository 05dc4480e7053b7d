// Nagle's algorithm, PSH, and how text is cut into segments (RFC 9293 §3.7.4, §3.9.1.2).

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct SmallSegmentTests {
  // R9293-SHLD-7
  @Test func `small writes wait while text is unacknowledged and leave together`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    for text in ["a", "b", "c"] { try peer.appWrites(c.id, text) }
    try peer.expectsAtOnce(.data(seq: c.ack, Array("a".utf8)))
    try peer.expectsNothing(for: .milliseconds(150))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 1))
    try peer.expectsAtOnce(.pushed(seq: c.ack + 1, length: 2))
  }

  // R9293-MUST-17
  @Test func `with Nagle off small writes leave at once`() throws {
    var options = ConnectionOptions()
    options.noDelay = true
    let peer = ScriptedPeer()
    let c = try peer.opensConnection(connectionOptions: options)
    for (index, text) in ["a", "b", "c"].enumerated() {
      try peer.appWrites(c.id, text)
      try peer.expectsAtOnce(.pushed(seq: c.ack + index, length: 1))
    }
  }

  // R9293-MUST-17
  @Test func `turning Nagle off releases what it held`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, "a")
    try peer.expectsAtOnce(.data(seq: c.ack, length: 1))
    try peer.appWrites(c.id, "b")
    try peer.expectsNothing(for: .milliseconds(50))
    try peer.appConfigures(c.id) { $0.noDelay = true }
    try peer.expectsAtOnce(.data(seq: c.ack + 1, length: 1))
  }

  // R9293-MUST-60, R9293-MAY-15
  @Test func `one octet on an idle connection leaves at once with PSH`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, "x")
    try peer.expectsAtOnce(.pushed(seq: c.ack, length: 1))
  }

  // R9293-MUST-61
  @Test func `the last segment of a write has PSH`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 3 * 1460)
    let segments = try peer.takesSegments()
    #expect(segments.map(\.payload.count) == [1460, 1460, 1460])
    #expect(segments.last?.flags.contains(.psh) == true)
  }

  // R9293-SHLD-27
  @Test func `five small writes that Nagle held are one segment with one PSH`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, "first")
    try peer.expectsAtOnce(.data(seq: c.ack, length: 5))
    for text in ["one", "two", "three", "four", "five"] { try peer.appWrites(c.id, text) }
    peer.sends(.ack(seq: c.seq, ack: c.ack + 5))
    let segment = try peer.expectsAtOnce(.pushed(seq: c.ack + 5))
    #expect(segment.payload == Array("onetwothreefourfive".utf8))
    try peer.expectsNothing(for: .milliseconds(150))
  }

  // R9293-SHLD-28, R9293-SHLD-7
  @Test func `ten kilobytes leave in full segments, then the tail`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 10_000)
    let full = try peer.takesSegments()
    #expect(full.map(\.payload.count) == [Int](repeating: 1460, count: 6))
    peer.sends(.ack(seq: c.seq, ack: c.ack + 8760))
    try peer.expectsAtOnce(.pushed(seq: c.ack + 8760, length: 1240))
  }

  // R9293-SHLD-28
  @Test func `small writes behind a full window fill segments`() throws {
    let peer = ScriptedPeer()
    var c = try peer.opensConnection()
    for _ in 0..<500 { try peer.appWrites(c.id, count: 100) }
    var sizes: [Int] = []
    var total = 0
    while total < 50_000 {
      for segment in try peer.takesSegments(for: .milliseconds(1)) {
        sizes.append(segment.payload.count)
        total += segment.payload.count
        c.ack = segment.end
      }
      peer.sends(.ack(seq: c.seq, ack: c.ack))
      try peer.requires(sizes.count < 500, "text leaves in crumbs")
    }
    #expect(sizes.count { $0 == 1460 } >= 30)
  }

  // R9293-SHLD-13
  @Test func `ordinary text is never urgent`() throws {
    let peer = ScriptedPeer()
    let c = try peer.opensConnection()
    try peer.appWrites(c.id, count: 10_000)
    for segment in try peer.takesSegments() {
      #expect(!segment.flags.contains(.urg))
      #expect(segment.urgentPointer == 0)
    }
  }
}
