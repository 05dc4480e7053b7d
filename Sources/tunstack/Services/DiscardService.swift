// Discard (RFC 863): what comes in is thrown away, as fast as it comes.

import UserTCPRuntime

struct DiscardHandler: ConnectionHandler {
  mutating func received(_ octets: RawSpan, _ connection: inout ConnectionContext) -> Int {
    octets.byteCount
  }
}

func serveDiscard(_ stream: TCPStream) async throws(TCPError) {
  while try await stream.withReadableBytes({ ((), consumed: $0.byteCount) }) != nil {}
}
