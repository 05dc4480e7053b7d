// `tunstack netstat` prints what net-tools prints, byte for byte (NST-1 to NST-5). The fixtures are
// lines of netstat 2.10 on a kernel.

import Testing
import UserTCPRuntime

@testable import tunstack

@Suite struct NetstatTableTests {
  private static let rows: [SocketRow] = [
    .listener("127.0.0.1:80", waiting: 1, backlog: 5),
    .connection("ESTABLISHED", "127.0.0.1:80", "127.0.0.1:57238"),
    .small("TIME_WAIT", "127.0.0.1:80", "127.0.0.1:57252", timer: 3, seconds: 59.75),
  ]

  // NST-1, NST-2
  @Test func `-an prints servers and connections as netstat does`() {
    var table = NetstatTable()
    table.scope = .all
    // Trailing blanks are part of the format: the columns have a width.
    let lines = [
      "Active Internet connections (servers and established)",
      "Proto Recv-Q Send-Q Local Address           Foreign Address         State      ",
      "tcp        1      0 127.0.0.1:80            0.0.0.0:*               LISTEN     ",
      "tcp        0      0 127.0.0.1:80            127.0.0.1:57238         ESTABLISHED",
      "tcp        0      0 127.0.0.1:80            127.0.0.1:57252         TIME_WAIT  ",
    ]
    #expect(table.text(Self.rows, .numeric) == lines.map { $0 + "\n" }.joined())
  }

  @Test(arguments: [
    (NetstatTable.Scope.listening, "(only servers)", ["LISTEN"]),
    (.connected, "(w/o servers)", ["ESTABLISHED", "TIME_WAIT"]),
  ])
  func `without -a it is servers or connections`(
    _ scope: NetstatTable.Scope, _ title: String, _ states: [String]
  ) {
    var table = NetstatTable()
    table.scope = scope
    let lines = table.text(Self.rows, .numeric).split(separator: "\n")
    #expect(lines[0] == "Active Internet connections \(title)")
    #expect(lines.dropFirst(2).map { String($0.split(separator: " ")[5]) } == states)
  }

  // NST-4
  @Test func `-antoep adds user, inode, program and timer`() {
    var table = NetstatTable()
    table.scope = .all
    table.showsUser = true
    table.showsTimer = true
    table.showsProgram = true
    table.userID = 1000
    table.program = "20973/tunstack"
    let lines = table.text(Self.rows, .numeric).split(separator: "\n").map(String.init)
    #expect(
      lines[1]
        == "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
        + " User       Inode      PID/Program name     Timer")
    #expect(
      lines[3]
        == "tcp        0      0 127.0.0.1:80            127.0.0.1:57238         ESTABLISHED"
        + " 1000       4711       20973/tunstack       off (0.00/0/0)")
    #expect(
      lines[4]
        == "tcp        0      0 127.0.0.1:80            127.0.0.1:57252         TIME_WAIT  "
        + " 0          0          -                    timewait (59.75/0/0)")
  }

  @Test(arguments: [
    (0, "off (0.00/2/1)"), (1, "on (0.25/2/1)"), (2, "keepalive (0.25/2/1)"),
    (3, "timewait (0.25/2/1)"), (4, "probe (0.25/2/1)"),
  ])
  func `each timer has netstat's name`(_ timer: Int, _ text: String) {
    var row = SocketRow.connection(
      "ESTABLISHED", "192.0.2.2:80", "192.0.2.1:4000", timer: timer, seconds: 0.25)
    row.retransmissionsInRow = 2
    row.probes = 1
    var table = NetstatTable()
    table.showsTimer = true
    #expect(table.text([row], .numeric).hasSuffix(" \(text)\n"))
  }

  // NST-3
  @Test(arguments: TCPState.allCases)
  func `awk finds the state in the sixth column`(_ state: TCPState) {
    let row = SocketRow.connection(state.description, "192.0.2.2:80", "192.0.2.1:4000")
    let line = NetstatTable().text([row], .numeric).split(separator: "\n")[2]
    #expect(line.split(separator: " ")[5] == state.description)
    #expect(row.tcpState == state)
  }

  @Test func `without -n names are looked up, and what is too long is cut unless -W`() {
    let names = SocketNames(
      host: { $0 == "192.0.2.1" ? "a-host-with-a-long-name.example" : "me" },
      service: { $0 == 3306 ? "mysql" : "*" }, user: { $0 == 0 ? "root" : "mysql" })
    let row = SocketRow.connection("ESTABLISHED", "192.0.2.2:3306", "192.0.2.1:3306")
    var table = NetstatTable()
    #expect(table.text([row], names).contains("me:mysql                a-host-with-a-lon:mysql "))
    table.isWide = true
    #expect(table.text([row], names).contains("a-host-with-a-long-name.example:mysql ESTABLISHED"))
  }

  @Test func `the system's tables name a port, and a port without a name stays a number`() {
    let names = SocketNames.resolving(hosts: false)
    #expect(names.service(80) == "http")
    #expect(names.service(49_999) == "49999")
    #expect(names.split("192.0.2.2:0").service == "*")
  }

  // NST-5: a listener's Send-Q is 0 here; ss shows its backlog.
  @Test func `a listener shows who waits`() {
    var table = NetstatTable()
    table.scope = .listening
    let line = table.text([.listener("0.0.0.0:80", waiting: 3)], .numeric)
      .split(separator: "\n")[2]
    #expect(line.split(separator: " ")[1...2] == ["3", "0"])
  }
}
