// Character generator (RFC 864): lines of 72 printable characters, each beginning one character
// later than the last, without end and as fast as the client's window allows. What the client
// sends is thrown away; its FIN ends the lines.

import UserTCPRuntime

/// The lines, as octets that repeat.
enum ChargenPattern {
  private static let characters = 95  // space to tilde, RFC 864's "printing ASCII characters"
  private static let lineLength = 72
  /// After so many octets the lines begin again.
  static let period = characters * (lineLength + 2)
  /// How much is offered to a send buffer at a time; more than most have room for.
  static let pieceLength = 64 << 10

  /// A piece can be cut from it wherever in the period a connection stands.
  static let octets: [UInt8] = {
    var octets: [UInt8] = []
    octets.reserveCapacity(period + pieceLength)
    while octets.count < period + pieceLength {
      for first in 0..<characters {
        for column in 0..<lineLength {
          octets.append(ASCII.space + UInt8((first + column) % characters))
        }
        octets += [ASCII.carriageReturn, ASCII.lineFeed]
      }
    }
    return octets
  }()
}

struct ChargenHandler: ConnectionHandler {
  /// Octets written, modulo the period.
  private var position: UInt16 = 0

  mutating func opened(_ connection: inout ConnectionContext) { fill(&connection) }
  mutating func writable(_ connection: inout ConnectionContext) { fill(&connection) }

  mutating func received(_ octets: RawSpan, _ connection: inout ConnectionContext) -> Int {
    octets.byteCount
  }

  /// Writes until the send buffer is full; only then does `writable` come.
  private mutating func fill(_ connection: inout ConnectionContext) {
    while true {
      let start = Int(position)
      let piece = ChargenPattern.octets.octets.extracting(
        start..<start + ChargenPattern.pieceLength)
      let written = connection.write(piece)
      position = UInt16((start + written) % ChargenPattern.period)
      if written < piece.byteCount { return }
    }
  }
}

func serveChargen(_ stream: TCPStream) async throws(TCPError) {
  let result = await withTaskGroup(of: Result<Void, TCPError>.self) { group in
    group.addTask {
      // A whole number of periods, so that every write begins where the last one ended.
      let piece = Array(ChargenPattern.octets[..<(9 * ChargenPattern.period)])
      do throws(TCPError) {
        while true { try await stream.write(piece) }
      } catch {
        return .failure(error)
      }
    }
    group.addTask {
      do throws(TCPError) {
        return .success(try await serveDiscard(stream))
      } catch {
        return .failure(error)
      }
    }
    let first = await group.next()
    group.cancelAll()
    return first
  }
  try result?.get()
}
