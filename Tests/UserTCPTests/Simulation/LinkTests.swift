// The seeded link: what it does to frames has the frequencies it was told, and the same seed does
// the same again.

import Testing
import UserTCP
import UserTCPSimulation

@Suite struct LinkTests {
  func run(_ link: inout Link, frames: Int = 20_000) -> [[UInt8]] {
    for number in 0..<frames {
      link.send(
        Frame([UInt8(number >> 8), UInt8(number & 0xFF), 0, 0]),
        at: .zero + .microseconds(Int64(number)))
    }
    var arrived: [[UInt8]] = []
    while link.nextArrival != .never {
      let time = link.nextArrival
      while let frame = link.receive(at: time) { arrived.append(frame.bytes) }
    }
    return arrived
  }

  @Test func `a good link delivers everything in order after its delay`() {
    var link = Link(seed: 1)
    link.send(Frame([1]), at: .zero)
    #expect(link.nextArrival == .zero + .milliseconds(10))
    #expect(link.receive(at: .zero + .milliseconds(9)) == nil)
    #expect(link.receive(at: .zero + .milliseconds(10)) == Frame([1]))
    let arrived = run(&link)
    #expect(arrived.count == 20_000)
    #expect(arrived == arrived.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) })
  }

  @Test func `loss, duplication and corruption come as often as asked`() {
    var settings = LinkSettings()
    settings.loss = 0.1
    settings.duplication = 0.05
    settings.corruption = 0.02
    var link = Link(settings: settings, seed: 2)
    let arrived = run(&link)
    let statistics = link.statistics
    #expect((1_800...2_200).contains(statistics.lost))
    #expect((760...1_040).contains(statistics.duplicated))
    #expect((280...440).contains(statistics.corrupted))
    #expect(arrived.count == 20_000 - statistics.lost + statistics.duplicated)
    #expect(statistics.delivered == arrived.count)
    #expect(arrived.count { $0[2] != 0 || $0[3] != 0 } > statistics.corrupted / 3)
  }

  @Test func `reordering lets later frames overtake`() {
    var settings = LinkSettings()
    settings.reordering = 0.1
    var link = Link(settings: settings, seed: 3)
    let arrived = run(&link)
    #expect(arrived.count == 20_000)
    #expect(arrived != arrived.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) })
    #expect((1_800...2_200).contains(link.statistics.reordered))
  }

  @Test func `a rate spaces frames and a full queue drops them`() {
    var settings = LinkSettings()
    settings.delay = .zero
    settings.rate = 1000
    settings.queueLimit = 300
    var link = Link(settings: settings, seed: 4)
    for _ in 0..<10 { link.send(Frame([UInt8](repeating: 0, count: 100)), at: .zero) }
    #expect(link.statistics.overflowed == 6)
    #expect(link.octetsWaiting(at: .zero) == 400)
    #expect(link.octetsWaiting(at: .zero + .milliseconds(350)) == 50)
    #expect(link.octetsWaiting(at: .zero + .seconds(1)) == 0)
    #expect(link.nextArrival == .zero + .milliseconds(100))
    #expect(link.receive(at: .zero + .milliseconds(100)) != nil)
    #expect(link.nextArrival == .zero + .milliseconds(200))
  }

  @Test func `the same seed has the same luck, another has not`() {
    var settings = LinkSettings()
    settings.loss = 0.1
    settings.reordering = 0.1
    settings.corruption = 0.1
    func arrivals(_ seed: UInt64) -> [[UInt8]] {
      var link = Link(settings: settings, seed: seed)
      return run(&link, frames: 1_000)
    }
    #expect(arrivals(5) == arrivals(5))
    #expect(arrivals(5) != arrivals(6))
  }

  @Test func `a super-segment is cut before anything happens to it`() {
    let segment = Segment.data(seq: 1, ack: 1, ScriptedPeer.pattern(2500)).from(port: 1).to(port: 2)
    let packet = segment.packet(from: IPv4Address(10, 0, 0, 1), to: IPv4Address(10, 0, 0, 2))
    var link = Link(seed: 7)
    link.send(
      Frame(packet.encoded(), offload: OffloadInfo(checksum: .partial, segmentSize: 1000)),
      at: .zero)
    #expect(link.framesInFlight == 3)
  }
}
