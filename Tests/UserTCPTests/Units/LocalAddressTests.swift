// A host with more than one address: which one a connection comes from, and that it keeps it.

import Testing
import UserTCP

struct LocalAddressTests {
  private let first = IPv4Address(192, 0, 2, 2)
  private let second = IPv4Address(192, 0, 2, 3)
  private let remote = Endpoint(IPv4Address(192, 0, 2, 1), 80)

  private func stack() -> ProtocolStack {
    ProtocolStack(
      interface: InterfaceAddress(first, prefixLength: 24), secret: StackSecret(1, 2, 3, 4))
  }

  /// The source address of every frame that is due at `seconds`.
  private func sources(_ stack: inout ProtocolStack, at seconds: Int64) -> [IPv4Address] {
    var batch = OutgoingBatch()
    stack.poll(at: .zero + .seconds(seconds), into: &batch)
    return (0..<batch.count).map { index in
      let frame = batch.copy(at: index)
      return IPv4Address(frame[12], frame[13], frame[14], frame[15])
    }
  }

  // R9293-MUST-43
  @Test func `an open may name the second address of the host`() throws {
    var stack = stack()
    stack.addAddress(InterfaceAddress(second, prefixLength: 24))
    _ = try stack.connect(to: remote, from: Endpoint(second, 0))
    #expect(sources(&stack, at: 0) == [second])
  }

  // R9293-MUST-43
  @Test func `an address that is not ours cannot be named`() throws {
    var stack = stack()
    #expect(throws: TCPError.addressNotAvailable) {
      _ = try stack.connect(to: remote, from: Endpoint(second, 0))
    }
  }

  // R9293-MUST-45
  @Test func `a connection keeps its address when others come and go`() throws {
    var stack = stack()
    stack.addAddress(InterfaceAddress(second, prefixLength: 24))
    _ = try stack.connect(to: remote, from: Endpoint(second, 0))
    #expect(sources(&stack, at: 0) == [second])
    stack.addAddress(InterfaceAddress(IPv4Address(192, 0, 2, 4), prefixLength: 24))
    stack.removeAddress(second)
    // The SYN again, a second later.
    #expect(sources(&stack, at: 2) == [second])
  }
}
