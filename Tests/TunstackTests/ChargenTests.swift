// The lines of RFC 864, wherever a connection stands in them.

import Testing

@testable import tunstack

@Suite struct ChargenTests {
  @Test func `a line has 72 printable characters and begins one later than the last`() {
    let octets = ChargenPattern.octets
    for line in 0..<200 {
      let start = line * 74
      for column in 0..<72 {
        #expect(octets[start + column] == 0x20 + UInt8((line + column) % 95))
      }
      #expect(octets[start + 72] == 0x0D && octets[start + 73] == 0x0A)
    }
  }

  @Test func `the lines repeat after 95 of them`() {
    #expect(ChargenPattern.period == 95 * 74)
    let octets = ChargenPattern.octets
    #expect(octets.count >= ChargenPattern.period + ChargenPattern.pieceLength)
    for offset in 0..<octets.count - ChargenPattern.period {
      guard octets[offset] != octets[offset + ChargenPattern.period] else { continue }
      Issue.record("differs at \(offset)")
      break
    }
  }
}
