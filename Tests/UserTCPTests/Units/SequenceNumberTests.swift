// The circle of sequence numbers (RFC 9293 §3.4): comparison and distance across the wrap at 2^32.

import Testing

@testable import UserTCP

struct SequenceNumberTests {
  private let starts: [UInt32] = [0, 1, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE, 0xFFFF_FFFF]

  // LC-6
  @Test func `order and distance hold from every point of the circle`() {
    for start in starts {
      let first = SequenceNumber(start)
      for octets in [1, 2, 65_535, 1 << 30, (1 << 31) - 1] {
        let second = first + octets
        #expect(second - first == octets)
        #expect(first - second == -octets)
        #expect(first < second && first <= second && second > first && second >= first)
        #expect(!(second < first) && !(second <= first) && !(first > second))
        #expect(SequenceNumber.latest(first, second) == second)
        #expect(SequenceNumber.latest(second, first) == second)
        #expect(SequenceNumber.earliest(first, second) == first)
        #expect(second - octets == first)
      }
    }
  }

  @Test func `a number is neither before nor after itself`() {
    for start in starts {
      let number = SequenceNumber(start)
      #expect(number - number == 0)
      #expect(number <= number && number >= number)
      #expect(!(number < number) && !(number > number))
    }
  }

  @Test func `adding wraps at two to the 32nd`() {
    var number = SequenceNumber(0xFFFF_FFFF)
    number += 1
    #expect(number == SequenceNumber(0))
    #expect(SequenceNumber(5) + -6 == SequenceNumber(0xFFFF_FFFF))
    #expect(SequenceNumber(3) + (1 << 32) == SequenceNumber(3))
  }
}
