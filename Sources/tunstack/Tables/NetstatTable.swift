// The table of sockets as net-tools' netstat prints it (NST-1 to NST-5): the same columns, widths
// and words, so that what was written for one reads the other. Pure: rows and names in, text out.

import Foundation

struct NetstatTable {
  enum Scope {
    case all, listening, connected
  }

  var scope = Scope.connected
  /// `-e`
  var showsUser = false
  /// `-p`
  var showsProgram = false
  /// `-o`
  var showsTimer = false
  /// `-W`: addresses in full.
  var isWide = false
  /// The one user and program that all sockets of a stack belong to.
  var userID: UInt32 = 0
  var program = ""

  func text(_ rows: [SocketRow], _ names: SocketNames) -> String {
    heading + rows.filter(isShown).map { line($0, names) + "\n" }.joined()
  }

  func isShown(_ row: SocketRow) -> Bool {
    switch scope {
    case .all: true
    case .listening: row.remote == nil
    case .connected: row.remote != nil
    }
  }

  private var heading: String {
    let what =
      switch scope {
      case .all: "(servers and established)"
      case .listening: "(only servers)"
      case .connected: "(w/o servers)"
      }
    var columns =
      "Proto Recv-Q Send-Q Local Address           Foreign Address         State      "
    if showsUser { columns += " User       Inode     " }
    if showsProgram { columns += " \("PID/Program name".left(20))" }
    if showsTimer { columns += " Timer" }
    return "Active Internet connections \(what)\n\(columns)\n"
  }

  /// The row of NST-2.
  private func line(_ row: SocketRow, _ names: SocketNames) -> String {
    let local = address(row.local, names)
    let remote = address(row.remote ?? "0.0.0.0:0", names)
    // Of a listener ss shows the backlog there, netstat nothing.
    let sendQueue = row.remote == nil ? 0 : row.sendQueue
    var line = """
      \("tcp".left(4))  \(row.receiveQueue.right(6)) \(sendQueue.right(6)) \
      \(local.left(23)) \(remote.left(23)) \(row.state.left(11))
      """
    if showsUser {
      let user = names.user(row.inode == 0 ? 0 : userID)
      line += " \(user.left(10)) \(String(row.inode).left(10))"
    }
    if showsProgram { line += " \((row.inode == 0 ? "-" : program).left(20))" }
    if showsTimer { line += " \(timer(row))" }
    return line
  }

  /// `host:service` in 23 places; without `-W` what is longer loses the end of the host.
  private func address(_ endpoint: String, _ names: SocketNames) -> String {
    let room = 22
    var (host, service) = names.split(endpoint)
    if !isWide, host.count + service.count > room {
      service = String(service.prefix(room - 4))
      host = String(host.prefix(room - service.count))
    }
    return "\(host):\(service)"
  }

  private func timer(_ row: SocketRow) -> String {
    // Read from hundredths of a second, rounded up as the kernel does.
    let hundredths = (row.timerMicroseconds + 9_999) / 10_000
    let seconds = row.timer == 0 ? "0.00" : String(format: "%2.2f", Double(hundredths) / 100)
    let counts = "(\(seconds)/\(row.retransmissionsInRow)/\(row.probes))"
    return switch row.timer {
    case 0: "off \(counts)"
    case 1: "on \(counts)"
    case 2: "keepalive \(counts)"
    case 3: "timewait \(counts)"
    case 4: "probe \(counts)"
    default: "unkn-\(row.timer) \(counts)"
    }
  }
}
