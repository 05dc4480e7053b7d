// `/status` is JSON, with every state counted and a bounded list of connections.

import Foundation
import Testing

@testable import UserTCP
@testable import tunstack

@Suite struct StatusPageTests {
  private static func snapshot(_ state: TCPState, remote: Endpoint?) -> ConnectionSnapshot {
    ConnectionSnapshot(
      state: state, local: Endpoint(IPv4Address(192, 0, 2, 2), 80), remote: remote,
      receiveQueue: 1, sendQueue: 2, retransmissions: 3, bytesSent: 4, bytesReceived: 5,
      smoothedRoundTripTime: .microseconds(6), retransmissionTimeout: .milliseconds(200),
      congestionWindow: 14_600, sendWindow: 65_535, receiveWindow: 65_535,
      maximumSegmentSize: 1460)
  }

  private static func parse(_ page: StatusPage) throws -> [String: Any] {
    let parsed = try JSONSerialization.jsonObject(
      with: Data(page.octets(Counters(), droppedFrames: 7)))
    return try #require(parsed as? [String: Any])
  }

  @Test func `a page without connections is JSON`() throws {
    let page = try Self.parse(StatusPage())
    #expect((page["connections"] as? [Any])?.isEmpty == true)
    #expect(page["counters"] is [String: Any])
    // OFF-10
    #expect(page["droppedByDevice"] as? Int == 7)
  }

  @Test func `a connection is listed with its state, ends and queues`() throws {
    var page = StatusPage()
    page.add(Self.snapshot(.listen, remote: nil))
    page.add(Self.snapshot(.timeWait, remote: Endpoint(IPv4Address(192, 0, 2, 1), 40_000)))
    let parsed = try Self.parse(page)
    let rows = try #require(parsed["connections"] as? [[String: Any]])
    #expect(rows[0]["state"] as? String == "LISTEN")
    #expect(rows[0]["remote"] is NSNull)
    #expect(rows[1]["state"] as? String == "TIME_WAIT")
    #expect(rows[1]["local"] as? String == "192.0.2.2:80")
    #expect(rows[1]["remote"] as? String == "192.0.2.1:40000")
    #expect(rows[1]["sendQueue"] as? Int == 2)
    #expect(rows[1]["roundTripMicroseconds"] as? Int == 6)
    #expect(parsed["states"] as? [String: Int] == ["LISTEN": 1, "TIME_WAIT": 1])
    #expect(parsed["omitted"] as? Int == 0)
  }

  @Test func `a long table is cut and counted`() throws {
    var page = StatusPage()
    for _ in 0..<1500 { page.add(Self.snapshot(.established, remote: nil)) }
    let parsed = try Self.parse(page)
    #expect((parsed["connections"] as? [Any])?.count == 1000)
    #expect(parsed["omitted"] as? Int == 500)
    #expect(parsed["states"] as? [String: Int] == ["ESTABLISHED": 1500])
  }
}
