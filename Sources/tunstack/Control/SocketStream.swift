// The body of `GET /sockets`: a JSON text that is made while it is sent, one slice of the stack's
// tables at a time, so that neither the loop nor this process's memory ever meets a million rows at
// once.

import FlyingFox
import FlyingSocks
import Foundation
import UserTCPRuntime

struct SocketStream: AsyncBufferedSequence {
  typealias Element = UInt8

  let stack: TCPStack
  /// Only these; `nil`: all.
  let states: Set<TCPState>?

  func makeAsyncIterator() -> Iterator { Iterator(stack: stack, states: states) }

  struct Iterator: AsyncBufferedIteratorProtocol {
    private let stack: TCPStack
    private let states: Set<TCPState>?
    private let encoder = JSONEncoder()
    private var cursor: SnapshotCursor? = .start
    private var hasBegun = false
    private var hasEnded = false
    private var hasRows = false

    init(stack: TCPStack, states: Set<TCPState>?) {
      self.stack = stack
      self.states = states
    }

    mutating func next() async throws -> UInt8? {
      preconditionFailure("a body is taken in buffers")
    }

    /// A slice each time, whatever length is suggested.
    mutating func nextBuffer(suggested count: Int) async throws -> Data? {
      guard !hasEnded else { return nil }
      var octets = Data()
      if !hasBegun {
        hasBegun = true
        octets.append(contentsOf: #"{"version":"\#(ToolVersion.current)","sockets":["#.utf8)
      }
      while octets.isEmpty || octets.count < count {
        guard let start = cursor else {
          hasEnded = true
          octets.append(contentsOf: "]}\n".utf8)
          break
        }
        let slice = try await stack.slice(from: start)
        cursor = slice.next
        for snapshot in slice.rows where states?.contains(snapshot.state) ?? true {
          octets.append(contentsOf: hasRows ? ",\n".utf8 : "\n".utf8)
          octets.append(try encoder.encode(SocketRow(snapshot)))
          hasRows = true
        }
      }
      return octets
    }
  }
}

/// A body after which the connection is closed: what the client still sends is not read.
struct LastBody: AsyncBufferedSequence, AsyncBufferedIteratorProtocol {
  typealias Element = UInt8

  let octets: Data
  private var isSent = false

  init(_ octets: Data) { self.octets = octets }

  func makeAsyncIterator() -> LastBody { self }

  mutating func next() async throws -> UInt8? {
    preconditionFailure("a body is taken in buffers")
  }

  mutating func nextBuffer(suggested count: Int) async throws -> Data? {
    if isSent {
      // A client that is still sending would otherwise meet a closed socket before it has looked.
      try await Task.sleep(for: .milliseconds(200))
      throw SocketError.disconnected  // the library closes a connection whose body breaks off
    }
    isSent = true
    return octets
  }
}
