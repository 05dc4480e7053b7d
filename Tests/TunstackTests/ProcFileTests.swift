// `tunstack proc` prints what the kernel prints (NST-6, NST-10, CNT-1).

import Testing

@testable import tunstack

@Suite struct ProcFileTests {
  // NST-6
  @Test func `net-tcp has the kernel's columns, and each line 149 characters`() {
    var open = SocketRow.connection(
      "ESTABLISHED", "127.0.0.1:51199", "192.0.2.1:80", timer: 1, seconds: 0.204)
    open.sendQueue = 100
    open.receiveQueue = 50
    open.retransmissionsInRow = 2
    open.probes = 0
    let text = ProcFiles.tcp(
      [
        .listener("0.0.0.0:2024", waiting: 1), open,
        .small("TIME_WAIT", "192.0.2.2:80", "192.0.2.1:57252", timer: 3, seconds: 59.66),
        .small("SYN_RECV", "192.0.2.2:80", "192.0.2.1:57253", timer: 1, seconds: 1),
      ], userID: 1000)
    let lines = text.split(separator: "\n").map(String.init)
    #expect(lines.allSatisfy { $0.utf8.count == 149 })
    let bare = lines.map(\.trimmedAtEnd)
    #expect(
      bare == [
        "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode",
        "   0: 00000000:07E8 00000000:0000 0A 00000000:00000001 00:00000000 00000000  1000        0 11 1 000000000000000b 100 0 0 10 0",
        "   1: 0100007F:C7FF 010200C0:0050 01 00000064:00000032 01:00000015 00000002  1000        0 4711 1 0000000000001267 20 4 0 10 -1",
        "   2: 020200C0:0050 010200C0:DFA4 06 00000000:00000000 03:0000174E 00000000     0        0 0 3 0000000000000000",
        "   3: 020200C0:0050 010200C0:DFA5 03 00000000:00000000 01:00000064 00000000     0        0 0 0 0000000000000000",
      ])
  }

  @Test func `a threshold is printed in segments once there was a loss`() {
    var row = SocketRow.connection("ESTABLISHED", "192.0.2.2:80", "192.0.2.1:80")
    row.connection?.slowStartThreshold = 14_480
    #expect(ProcFiles.tcp([row], userID: 0).trimmedAtEnd.hasSuffix(" 20 4 0 10 10"))
  }

  // CNT-1
  @Test func `net-snmp has the names of TCP in Linux's order`() {
    let text = ProcFiles.snmp(
      .fixture(["TcpActiveOpens": 20, "TcpRtoAlgorithm": 1, "TcpRtoMin": 200, "TcpMaxConn": -1]))
    #expect(
      text.contains(
        """
        Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets \
        CurrEstab InSegs OutSegs RetransSegs InErrs OutRsts InCsumErrors
        Tcp: 1 200 0 -1 20 0 0 0 0 0 0 0 0 0 0

        """))
    #expect(!text.contains("IcmpMsg"), "the kernel names only types that there were")
  }

  @Test func `every line of names has a line of as many values`() {
    let text =
      ProcFiles.snmp(.fixture(["IcmpMsgInType8": 2])) + ProcFiles.netstat(.fixture())
    let lines = text.split(separator: "\n").map { $0.split(separator: " ") }
    #expect(lines.count == 16)
    for index in stride(from: 0, to: lines.count, by: 2) {
      #expect(lines[index].count == lines[index + 1].count)
      #expect(lines[index][0] == lines[index + 1][0])
    }
  }

  // NST-10
  @Test func `net-sockstat counts TIME_WAIT apart`() {
    let text = ProcFiles.sockstat(
      .fixture(states: ["ESTABLISHED": 130, "TIME_WAIT": 5204, "LISTEN": 4], orphans: 2))
    #expect(text.contains("TCP: inuse 134 orphan 2 tw 5204 alloc 134 mem 2\n"))
  }
}

extension String {
  /// Without blanks and line ends after it.
  var trimmedAtEnd: String {
    var text = self[...]
    while let last = text.last, last == " " || last == "\n" { text.removeLast() }
    return String(text)
  }
}
