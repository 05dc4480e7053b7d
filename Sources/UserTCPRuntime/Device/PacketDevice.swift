// Where IP packets come from and go to. The loop calls a device from its own thread only, once or
// twice a turn and with whole batches, so that what a call costs is shared by its frames. What acts
// on traffic (a capture, a bad link) is a device around a device, never a flag in the stack.

@_exported public import UserTCP

/// A source and sink of IP packets.
///
/// `receive`, `send` and `close` are called by one thread at a time: the stack's loop.
public protocol PacketDevice: AnyObject, Sendable {
  /// The largest IP packet it carries, in octets.
  var mtu: Int { get }
  /// What it completes in outgoing frames.
  var offloads: OffloadCapabilities { get }
  /// Readable when there is something to receive; `nil` when there is nothing to wait for.
  var descriptor: Int32? { get }
  /// Frames for the stack that were dropped before it could receive them (OFF-10); `nil` when the
  /// device does not say.
  var droppedFrames: UInt64? { get }

  /// Appends packets until there are no more or the batch is full. Does not wait.
  func receive(into batch: inout IncomingBatch) throws(DeviceError)

  /// Sends frames from the front of the batch and removes them. `false` when the device could not
  /// take all: the rest stays in the batch (OFF-9).
  func send(_ batch: inout OutgoingBatch) throws(DeviceError) -> Bool

  /// Gives the device back. Called once, last.
  func close()
}

extension PacketDevice {
  public var droppedFrames: UInt64? { nil }
}
