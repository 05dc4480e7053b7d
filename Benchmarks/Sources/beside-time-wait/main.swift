// An HTTP server of one answer beside any number of connections in TIME-WAIT, filled in before it begins
// to serve: 64 times as many as one client address could make. Prints what each occupies, then serves on
// port 80 until it is ended. Its request rate with 0 and with 1,000,000 should be the same.
//
//   swift run -c release -Xswiftc -enable-testing beside-time-wait TUN ADDRESS/PREFIX COUNT

import Glibc

@testable import UserTCP
@testable import UserTCPRuntime

func residentBytes() -> Int {
  guard let file = unsafe fopen("/proc/self/statm", "r") else { return 0 }
  defer { unsafe fclose(file) }
  var line = [CChar](repeating: 0, count: 256)
  guard unsafe fgets(&line, 256, file) != nil else { return 0 }
  let words = String(decoding: line.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self).split(
    separator: " ")
  return (Int(words[1]) ?? 0) * Int(getpagesize())
}

extension ProtocolStack {
  /// As if `count` connections from addresses of 10/8 had just been closed here; they stay for an hour.
  mutating func fillTimeWait(_ count: Int) {
    for number in 0..<count {
      let key = ConnectionKey(
        remoteAddress: IPv4Address(10, 1, UInt8(number >> 22 & 0xFF), UInt8(number >> 14 & 0xFF)),
        remotePort: Port(UInt16(1 + number & 0x3FFF)), localAddress: hosts.preferred,
        localPort: Port(80))
      let entry = TimeWaitEntry(
        key: key, sendNext: SequenceNumber(1), receiveNext: SequenceNumber(2), window: 1000,
        windowShift: 7, timestamps: TimestampState(offset: 0), dscp: 0)
      // Spread over the wheel, as time would have spread them.
      timeWait.insert(
        entry, hash: context.secrets.tableHash(key),
        at: context.now + .milliseconds(Int64(number % 60_000)), for: .seconds(3600))
    }
  }
}

/// Answers each request, whatever it asks.
struct Answer: ConnectionHandler {
  static let response: [UInt8] = Array(
    "HTTP/1.1 200 OK\r\nContent-Length: 6\r\nContent-Type: text/plain\r\n\r\nhello\n".utf8)

  mutating func received(_ bytes: RawSpan, _ connection: inout ConnectionContext) -> Int {
    _ = connection.write(Self.response.span.bytes)
    return bytes.byteCount
  }
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let count = Int(arguments[3]),
  let address = InterfaceAddress(arguments[2])
else {
  print("usage: beside-time-wait TUN ADDRESS/PREFIX COUNT")
  exit(64)
}
var settings = StackSettings()
settings.maximumTimeWait = 16 << 20
settings.timeWaitInterval = .seconds(60)
try await TCPStack.run(device: .tun(arguments[1]), address: address, settings: settings) { stack in
  let before = residentBytes()
  stack.state.with { state in
    state.engine.advance(to: MonotonicClock.now)
    state.engine.fillTimeWait(count)
  }
  let each = count > 0 ? Double(residentBytes() - before) / Double(count) : 0
  print("TIME-WAIT: \(stack.timeWaitCount), \(each) octets each")
  fflush(nil)
  try stack.serve(port: 80) { Answer() }
  try await Task.sleep(for: .seconds(3600))
}
