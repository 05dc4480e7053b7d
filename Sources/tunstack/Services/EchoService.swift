// Echo (RFC 862): what comes in goes out. When the send buffer is full the rest stays unread, and
// the client's window closes until it reads.

import UserTCPRuntime

struct EchoHandler: ConnectionHandler {
  mutating func received(_ octets: RawSpan, _ connection: inout ConnectionContext) -> Int {
    connection.write(octets)
  }
}

func serveEcho(_ stream: TCPStream) async throws(TCPError) {
  for try await octets in stream.inbound { try await stream.write(octets) }
}
