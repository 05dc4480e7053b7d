// The control socket's messages, the reading of its answers, and files for `sysctl -p`.

import Foundation
import Testing

@testable import UserTCP
@testable import tunstack

@Suite struct ControlTests {
  private static func answer(_ text: String) -> HTTPAnswer? { HTTPAnswer(Data(text.utf8)) }

  @Test func `an answer with a length is read, whatever follows`() {
    let answer = Self.answer(
      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTunstack-Version: 0.1\r\n\r\nhi!")
    #expect(answer?.status == 200)
    #expect(answer?.headers["tunstack-version"] == "0.1")
    #expect(answer?.body == Data("hi".utf8))
  }

  @Test func `an answer in chunks is joined`() {
    let answer = Self.answer(
      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n"
    )
    #expect(answer?.body == Data("abc0123456789".utf8))
  }

  @Test(arguments: [
    "", "hello", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\n\r\n", "SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "HTTP/1.1 OK\r\nContent-Length: 0\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nhi",
    "HTTP/1.1 200 OK\r\nContent-Length: -3\r\n\r\nhi", "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\nabc\r\n0\r\n\r\n",
  ])
  func `what is no whole answer is none`(_ text: String) {
    #expect(Self.answer(text) == nil)
  }

  @Test func `a row survives the way through JSON`() throws {
    let rows: [SocketRow] = [
      .listener("0.0.0.0:80"), .connection("ESTABLISHED", "192.0.2.2:80", "192.0.2.1:4000"),
      .small("TIME_WAIT", "192.0.2.2:80", "192.0.2.1:4001", timer: 3, seconds: 60),
    ]
    let octets = try JSONEncoder().encode(SocketsMessage(sockets: rows))
    #expect(try JSONDecoder().decode(SocketsMessage.self, from: octets).sockets == rows)
  }

  @Test func `a snapshot becomes a row`() {
    var snapshot = ConnectionSnapshot(
      state: .finWait2, local: Endpoint(IPv4Address(192, 0, 2, 2), 80),
      remote: Endpoint(IPv4Address(192, 0, 2, 1), 4000))
    snapshot.isOrphan = true
    snapshot.timer = .keepAlive
    snapshot.timerLeft = .seconds(30)
    snapshot.maximumSegmentSize = 1448
    let row = SocketRow(snapshot)
    #expect(row.state == "FIN_WAIT2")
    #expect(row.local == "192.0.2.2:80")
    // As Linux, where an orphan in FIN-WAIT-2 is an entry of TIME-WAIT's table.
    #expect(row.timer == 3)
    #expect(row.timerMicroseconds == 30_000_000)
    #expect(row.connection?.maximumSegmentSize == 1448)
    snapshot.maximumSegmentSize = 0
    #expect(SocketRow(snapshot).connection == nil)
  }

  @Test func `a stack without a socket, and several, are told apart`() throws {
    let folder = NSTemporaryDirectory() + "control-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    #expect { try ControlPath.onlySocket(in: folder) } throws: {
      ($0 as? Failure)?.status == .unavailable
    }
    _ = FileManager.default.createFile(atPath: folder + "/tun0.sock", contents: nil)
    _ = FileManager.default.createFile(atPath: folder + "/notes", contents: nil)
    #expect(try ControlPath.onlySocket(in: folder) == folder + "/tun0.sock")
    _ = FileManager.default.createFile(atPath: folder + "/tun1.sock", contents: nil)
    #expect { try ControlPath.onlySocket(in: folder) } throws: { error in
      let failure = error as? Failure
      return failure?.status == .usage && failure?.description.contains("tun1.sock") == true
    }
    #expect { try ControlPath.claim(folder + "/notes") } throws: {
      ($0 as? Failure)?.description.contains("no socket") == true
    }
    #expect(throws: Failure.self) { try ControlPath.check(String(repeating: "a", count: 105)) }
  }

  @Test func `what the stack does not hold is kept, whatever it is`() throws {
    let kept = KeptSettings(SettingValues())
    kept.apply(try SettingAssignment("icmp_echo_ignore_broadcasts=0"))
    let values = kept.values(with: StackSettings())
    #expect(Setting.named("icmp_echo_ignore_broadcasts")?.text(values) == "0")
  }

  @Test func `a file for sysctl is read line by line, bad lines and all`() {
    let script = SysctlScript(
      """
      # comment
      net.ipv4.tcp_fin_timeout = 31

      ; comment
      bad line
      -net/ipv4/tcp_x=1
      = 4
      net.ipv4.tcp_rmem = 4096 87380	6291456
      """)
    #expect(script.invalidLines == [5, 7])
    #expect(
      script.entries == [
        .init(name: "net.ipv4.tcp_fin_timeout", value: "31", isExcused: false),
        .init(name: "net/ipv4/tcp_x", value: "1", isExcused: true),
        .init(name: "net.ipv4.tcp_rmem", value: "4096 87380\t6291456", isExcused: false),
      ])
  }
}
