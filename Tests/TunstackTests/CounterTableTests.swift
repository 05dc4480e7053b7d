// Counters under Linux's names: nstat, `netstat -s` and Prometheus (NST-11, NST-12, CNT-1 to
// CNT-8).

import Testing

@testable import UserTCP
@testable import UserTCPRuntime
@testable import tunstack

@Suite struct CounterTableTests {
  @Test func `every name stands once, and every counter of the stack with a source has a name`() {
    let names = Set(LinuxCounter.all.map(\.joinedName))
    #expect(names.count == LinuxCounter.all.count)
    #expect(Set(LinuxCounter.counted.keys).isSubset(of: names))
    #expect(Set(LinuxCounter.computed.keys).isSubset(of: names))
    #expect(Set(NetstatStatistics.sentences.keys).isSubset(of: names))
    #expect(NetstatStatistics.always.isSubset(of: names))
  }

  // CNT-5
  @Test(arguments: [
    "TCPSackRecovery", "TCPLostRetransmit", "TCPLossProbes", "TCPLossProbeRecovery",
    "TCPSpuriousRTOs", "TCPFullUndo", "TCPDSACKRecv", "TCPDSACKOldSent", "TCPSACKDiscard",
    "TCPSACKReneging",
  ])
  func `what loss recovery counts has a source`(_ name: String) {
    #expect(LinuxCounter.counted["TcpExt\(name)"] != nil)
  }

  // NST-11
  @Test func `nstat prints what is new, with zeros all, with a pattern some`() {
    let first = CounterReport(.fixture(["TcpActiveOpens": 5, "TcpExtTW": 2]), processID: 1)
    #expect(
      first.text(since: nil, zeros: false, patterns: [])
        == """
        #kernel
        TcpActiveOpens                  5                  0.0
        TcpExtTW                        2                  0.0

        """)
    let second = CounterReport(.fixture(["TcpActiveOpens": 7, "TcpExtTW": 2]), processID: 1)
    #expect(
      second.text(since: first, zeros: false, patterns: [])
        == "#kernel\nTcpActiveOpens                  2                  0.0\n")
    let some = second.text(since: nil, zeros: true, patterns: ["tcp*opens"])
    #expect(some.split(separator: "\n").count == 3)
    #expect(!second.text(since: nil, zeros: true, patterns: []).contains("TcpRtoMin"))
  }

  @Test func `history is read back, and that of another run is not believed`() throws {
    let past = CounterReport(.fixture(["TcpActiveOpens": 50]), processID: 1)
    let read = try #require(CounterReport(history: past.historyText))
    #expect(read.values == past.values)
    let other = CounterReport(.fixture(["TcpActiveOpens": 3]), processID: 2)
    #expect(other.text(since: read, zeros: false, patterns: []).contains("TcpActiveOpens"))
    #expect(CounterReport(history: "garbage\n") == nil)
    #expect(CounterReport(history: "#kernel 1\nTcpActiveOpens five\n") == nil)
  }

  // NST-12
  @Test func `netstat -s prints Tcp's sentences in their order, zeros included`() {
    let text = NetstatStatistics().text(.fixture(["TcpActiveOpens": 1, "TcpOutRsts": 3]))
    #expect(
      text.contains(
        """
        Tcp:
            1 active connection openings
            0 passive connection openings
            0 failed connection attempts
            0 connection resets received
            0 connections established
            0 segments received
            0 segments sent out
            0 segments retransmitted
            0 bad segments received
            3 resets sent
        Udp:

        """))
    #expect(text.hasPrefix("Ip:\n    0 total packets received\n    0 forwarded\n"))
  }

  @Test func `netstat -s has sentences for some counters and names for others that are not 0`() {
    let text = NetstatStatistics().text(
      .fixture([
        "TcpExtTW": 18, "TcpExtTCPTimeWaitOverflow": 4, "TcpExtSyncookiesSent": 2,
        "IcmpInEchos": 2, "IcmpMsgInType8": 2,
      ]))
    #expect(text.contains("    18 TCP sockets finished time wait in fast timer\n"))
    #expect(text.contains("    2 SYN cookies sent\n"))
    #expect(text.contains("    TCPTimeWaitOverflow: 4\n"))
    #expect(text.contains("    ICMP input histogram:\n        echo requests: 2\n"))
    #expect(text.contains("IcmpMsg:\n        InType8: 2\nTcp:\n"))
    #expect(!text.contains("TCPKeepAlive"))
    let onlyTCP = NetstatStatistics(onlyTCP: true).text(.fixture())
    #expect(onlyTCP.hasPrefix("Tcp:\n"))
    #expect(!onlyTCP.contains("Icmp:"))
  }

  @Test(arguments: [
    ("TCPTimeWaitOverflow", "tcp_time_wait_overflow"), ("TW", "tw"), ("InSegs", "in_segs"),
    ("TcpExt", "tcp_ext"), ("PAWSEstab", "paws_estab"), ("TCPACKSkippedSeq", "tcpack_skipped_seq"),
  ])
  func `Prometheus has its own way to write names`(_ name: String, _ snake: String) {
    #expect(PrometheusText.snakeCase(name) == snake)
  }

  @Test func `metrics are counters, states and settings, each with help and type`() async throws {
    var counters = Counters()
    counters.tcp.timeWaitOverflow = 7
    var states = StateCounts()
    states[.timeWait] = 5204
    let overview = StackOverview(
      settings: StackSettings(), counters: counters, states: states, orphanCount: 1,
      bufferedBytes: 2, droppedFrames: 3)
    let text = PrometheusText.text(overview, SettingValues())
    #expect(text.contains("\ntunstack_tcp_ext_tcp_time_wait_overflow_total 7\n"))
    #expect(text.contains("\ntunstack_sockets{state=\"TIME_WAIT\"} 5204\n"))
    #expect(text.contains("\ntunstack_setting{name=\"net.ipv4.tcp_fin_timeout\"} 60\n"))
    #expect(text.contains("\ntunstack_setting{name=\"net.ipv4.tcp_rmem\",index=\"1\"} 131072\n"))
    let names = text.split(separator: "\n").filter { $0.hasPrefix("# TYPE") }
    #expect(Set(names).count == names.count)
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
      #expect(line.split(separator: " ").count == 2 && Int64(line.split(separator: " ")[1]) != nil)
    }
  }
}
