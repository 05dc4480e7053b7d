// `tunstack ss` prints what iproute2's ss prints (NST-7 to NST-9).

import Testing
import UserTCPRuntime

@testable import tunstack

@Suite struct SocketTableTests {
  private static let rows: [SocketRow] = [
    .listener("127.0.0.1:80", waiting: 1, backlog: 5),
    .connection("ESTABLISHED", "127.0.0.1:80", "127.0.0.1:57238"),
    .connection("CLOSE_WAIT", "127.0.0.1:57268", "127.0.0.1:80"),
    .small("TIME_WAIT", "127.0.0.1:80", "127.0.0.1:57252", timer: 3, seconds: 59.6),
  ]

  private static func lines(_ table: SocketTable, _ rows: [SocketRow] = rows) -> [String] {
    table.text(rows, .numeric).split(separator: "\n").map(String.init)
  }

  // NST-7
  @Test func `columns are as wide as what is in them`() {
    #expect(
      Self.lines(SocketTable()) == [
        "State      Recv-Q Send-Q Local Address:Port  Peer Address:Port  Process",
        "LISTEN     1      5          127.0.0.1:80         0.0.0.0:*",
        "ESTAB      0      0          127.0.0.1:80       127.0.0.1:57238",
        "CLOSE-WAIT 0      0          127.0.0.1:57268    127.0.0.1:80",
        "TIME-WAIT  0      0          127.0.0.1:80       127.0.0.1:57252",
      ])
  }

  // NST-8
  @Test func `a single state has no column, and a kind that was not asked for has one`() {
    var table = SocketTable()
    table.showsState = false
    #expect(Self.lines(table)[1].hasPrefix("1      5 "))
    table.showsKind = true
    #expect(Self.lines(table)[0].hasPrefix("Netid Recv-Q"))
    #expect(Self.lines(table)[1].hasPrefix("tcp   1"))
    table.hasHeading = false
    #expect(Self.lines(table).count == 4)
  }

  // NST-9
  @Test(arguments: [
    (3, 59.6, "timer:(timewait,59sec,0)"), (2, 7199.75, "timer:(keepalive,119min,0)"),
    (1, 0.204, "timer:(on,204ms,0)"), (4, 1.5, "timer:(persist,1.500ms,0)"),
    (2, 90, "timer:(keepalive,1min30sec,0)"),
  ])
  func `-o shows how long a timer has to go`(_ timer: Int, _ seconds: Double, _ text: String) {
    var table = SocketTable()
    table.showsTimer = true
    let row = SocketRow.connection(
      "ESTABLISHED", "192.0.2.2:80", "192.0.2.1:80", timer: timer, seconds: seconds)
    #expect(Self.lines(table, [row])[1].hasSuffix(" \(text)"))
  }

  @Test func `-i shows what TCP knows`() {
    var row = Self.rows[1]
    row.connection?.timestamps = true
    row.connection?.ecn = true
    row.connection?.ecnSeen = true
    row.connection?.congestionAlgorithm = "reno"
    row.connection?.sendWindowShift = 7
    row.connection?.receiveWindowShift = 10
    row.connection?.roundTripMicroseconds = 25
    row.connection?.roundTripVariationMicroseconds = 12
    row.connection?.bytesSent = 50
    row.connection?.slowStartThreshold = 14_480
    var table = SocketTable()
    table.showsInternals = true
    #expect(
      Self.lines(table, [row])[2]
        == "\t ts ecn ecnseen reno wscale:7,10 rto:204 rtt:0.025/0.012 ato:40 mss:1448 pmtu:1500 rcvmss:536 "
        + "advmss:1460 cwnd:10 ssthresh:10 bytes_sent:50 lastsnd:0 lastrcv:0")
  }

  @Test func `-s counts TIME_WAIT among the closed`() {
    let text = SocketTable.summary(
      .fixture(states: ["ESTABLISHED": 7, "LISTEN": 1, "TIME_WAIT": 2], orphans: 1))
    #expect(text.contains("TCP:   10 (estab 7, closed 2, orphaned 1, timewait 2)\n"))
    #expect(text.contains("TCP\t  8         8         0        \n"))
  }

  @Test func `every state has a name in each program, and groups are sets of them`() {
    for state in TCPState.allCases {
      #expect(StateFilter.states(named: state.filterName) == [state])
      #expect(StateFilter.states(named: state.description) == [state])
    }
    #expect(StateFilter.states(named: "bucket") == [.synReceived, .timeWait])
    #expect(StateFilter.states(named: "synchronized")?.contains(.synSent) == false)
    #expect(StateFilter.states(named: "half-open") == nil)
  }

  @Test(arguments: [
    (["state", "time-wait"], 1), (["state", "established", "state", "listening"], 2),
    (["exclude", "time-wait"], TCPState.allCases.count - 1),
  ])
  func `filters of the command line are read`(_ words: [String], _ count: Int) throws {
    let command = try #require(try SSCommand.parseAsRoot(["-tan"] + words) as? SSCommand)
    #expect(try command.states().count == count)
  }

  @Test(arguments: [["state", "half-open"], ["state"], ["dport", "=", ":80"]])
  func `a filter that is none is refused`(_ words: [String]) throws {
    let command = try #require(try SSCommand.parseAsRoot(["-tan"] + words) as? SSCommand)
    #expect(throws: Failure.self) { try command.states() }
  }
}
