// The labs in virtual time: how each story must end, and that it is the same each time. The SYN of the flood
// belongs here too, since it is pure.

import Testing
import UserTCP

@testable import tunstack

@Suite struct LabStoryTests {
  @Test func `with TIME_WAIT a lost last ACK is repaired and nobody sees a reset`() throws {
    var story = LastAckStory(withTimeWait: true)
    try story.play()
    #expect(story.ending == .init(client: .closed, serverHadTimeWait: true, resets: 0))
    #expect(story.lines.contains { $0.contains("<-- lost") })
    #expect(story.lines.contains("             [server TIME_WAIT, client CLOSE]"))
  }

  @Test func `without TIME_WAIT the repeated FIN is answered with a reset`() throws {
    var story = LastAckStory(withTimeWait: false)
    try story.play()
    #expect(!story.ending.serverHadTimeWait)
    #expect(story.ending.resets == 1)
  }

  @Test func `a story is the same each time`() throws {
    var (first, second) = (LastAckStory(withTimeWait: true), LastAckStory(withTimeWait: true))
    try first.play()
    try second.play()
    #expect(first.lines == second.lines)
  }

  @Test func `without TIME_WAIT an old segment becomes data of a new connection`() throws {
    var story = OldDuplicateStory(.unguarded)
    try story.play()
    #expect(story.read == [OldDuplicateStory.payment, OldDuplicateStory.payment])
  }

  @Test(arguments: [OldDuplicateStory.Act.higherNumber, .paws])
  func `higher numbers or timestamps keep an old segment out of a new connection`(
    _ act: OldDuplicateStory.Act
  ) throws {
    var story = OldDuplicateStory(act)
    try story.play()
    #expect(story.read == [OldDuplicateStory.payment, ""])
  }

  @Test func `TIME_WAIT refuses a new connection whose numbers are not above the old ones`() throws
  {
    var story = OldDuplicateStory(.timeWait)
    try story.play()
    #expect(story.read == [OldDuplicateStory.payment])
    #expect(story.lines.last?.contains("60 s") == true)
  }

  @Test func `a SYN of the flood is one that a stack would answer`() throws {
    var packet = SYNPacket(to: Endpoint(IPv4Address(192, 0, 2, 2), 80))
    packet.set(source: IPv4Address(198, 19, 1, 2), port: 4321, sequence: 0xDEAD_BEEF)
    packet.set(source: IPv4Address(198, 18, 7, 8), port: 1234, sequence: 0x0102_0304)
    let segment = Array(packet.octets[20...])
    var sum = InternetChecksum()
    sum.add(UInt32(0xC612_0708))
    sum.add(UInt32(0xC000_0202))
    sum.add(UInt16(6))
    sum.add(UInt16(24))
    unsafe sum.add(segment.span.bytes)
    #expect(sum.isValid)
    #expect(Array(packet.octets[12..<16]) == [198, 18, 7, 8])
    #expect(Array(segment[0..<8]) == [0x04, 0xD2, 0, 80, 1, 2, 3, 4])
    #expect(segment[13] == 0x02, "SYN and nothing else")
  }
}
