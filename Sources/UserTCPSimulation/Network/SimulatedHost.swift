// A stack in a `Network` and what its program has been told. A class only because a stack cannot be
// copied and an array must hold several.

import UserTCP

public final class SimulatedHost {
  public var stack: ProtocolStack
  public let address: IPv4Address
  /// Told by the stack and not yet taken by the program.
  public internal(set) var notifications: [Notification] = []
  let checks: FrameChecks
  var incoming = IncomingBatch(packetLimit: 64)
  var outgoing = OutgoingBatch(capacity: 64)

  init(
    interface: InterfaceAddress, settings: StackSettings, secret: StackSecret,
    offloads: OffloadCapabilities
  ) {
    address = interface.address
    stack = ProtocolStack(
      settings: settings, interface: interface, secret: secret, offloads: offloads)
    checks = FrameChecks(
      address: interface.address, mtu: settings.mtu, offloads: offloads,
      forbidsFragments: settings.pathMTUDiscovery == .on)
  }

  public func takeNotifications() -> [Notification] {
    defer { notifications.removeAll() }
    return notifications
  }

  func drainNotifications() {
    while let notification = stack.nextNotification() { notifications.append(notification) }
  }

  // MARK: The program's calls, with arrays

  @discardableResult public func write(
    _ id: ConnectionID, _ bytes: [UInt8]
  ) throws(TCPError) -> Int {
    try unsafe stack.write(id, bytes.span.bytes)
  }

  /// What is there to read now.
  public func read(_ id: ConnectionID, atMost limit: Int = 1 << 16) throws(TCPError) -> [UInt8] {
    guard case .bytes(let available) = try stack.readable(id) else { return [] }
    let buffer = UnsafeMutableRawBufferPointer.allocate(
      byteCount: max(1, min(available, limit)), alignment: 1)
    defer { unsafe buffer.deallocate() }
    var output = unsafe OutputRawSpan(buffer: buffer, initializedCount: 0)
    _ = try stack.read(id, into: &output)
    let length = unsafe output.finalize(for: buffer)
    return unsafe Array(buffer.prefix(length))
  }

  public func seesEnd(_ id: ConnectionID) throws(TCPError) -> Bool {
    if case .endOfStream = try stack.readable(id) { true } else { false }
  }
}
