// Limits that were met reach the log, and a peer cannot fill it.

import Testing

@testable import UserTCP
@testable import UserTCPRuntime

@Suite struct `The watch over limits` {
  private static func counts(
    timeWait: UInt64 = 0, orphans: UInt64 = 0, cookies: UInt64 = 0, drops: UInt64 = 0
  ) -> OverflowCounts {
    var counts = OverflowCounts()
    counts.timeWait = timeWait
    counts.orphans = orphans
    counts.synCookies = cookies
    counts.synDrops = drops
    return counts
  }

  /// What is told when the counts are as they are at those seconds.
  private static func told(_ history: [(second: Int64, counts: OverflowCounts)]) -> [String] {
    var watch = OverflowWatch()
    let log = Log<String>()
    for moment in history {
      watch.look(
        at: moment.counts, now: { .zero + .seconds(moment.second) }, port: { 80 },
        log: { log.note("\(moment.second): \($0)") })
    }
    return log.all
  }

  @Test func `says nothing while no limit is met`() {
    #expect(Self.told([(0, Self.counts()), (100, Self.counts())]) == [])
  }

  // SYS-6
  @Test func `tells of a kind at once and then at most every five seconds`() {
    let told = Self.told(
      (0..<12).map { (Int64($0), Self.counts(timeWait: UInt64($0) + 1)) })
    #expect(
      told == [
        "0: TCP: time wait bucket table overflow", "5: TCP: time wait bucket table overflow",
        "10: TCP: time wait bucket table overflow",
      ])
  }

  @Test func `does not repeat itself when nothing happens any more`() {
    #expect(Self.told([(0, Self.counts(orphans: 1)), (9, Self.counts(orphans: 1))]).count == 1)
  }

  @Test func `keeps kinds apart and uses Linux's words`() {
    let told = Self.told([
      (0, Self.counts(orphans: 1, cookies: 3)), (1, Self.counts(orphans: 1, cookies: 3, drops: 1)),
    ])
    #expect(
      told == [
        "0: TCP: too many orphaned sockets",
        "0: TCP: Possible SYN flooding on port 80. Sending cookies.",
        "1: TCP: Possible SYN flooding. Dropping request.",
      ])
  }

  @Test func `hears the engine`() async throws {
    var settings = StackSettings()
    settings.maximumTimeWait = 0
    let log = Log<String>()
    try await Two.run(settings: settings, log: { log.note("\($0)") }) { stack, start in
      let listener = try await stack.listen(port: 7)
      start { try await listener.serve { stream in stream.close() } }
    } _: { stack in
      let stream = try await stack.connect(to: Two.endpoint(7))
      for try await _ in stream.inbound {}
      stream.close()
      await stack.shutdown(grace: .seconds(2))
    }
    #expect(log.all.contains("TCP: time wait bucket table overflow"))
  }
}
