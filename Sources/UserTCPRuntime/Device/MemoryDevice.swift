public final class MemoryDevice: PacketDevice {
  public let mtu: Int
  public let offloads: OffloadCapabilities
  public var descriptor: Int32? { nil }
  public static func pair(
    mtu: Int = 1500, offloads: OffloadCapabilities = .all
  ) throws(DeviceError) -> (MemoryDevice, MemoryDevice) { throw .noTunDevice }
  init(mtu: Int, offloads: OffloadCapabilities) { self.mtu = mtu; self.offloads = offloads }
  public func receive(into batch: inout IncomingBatch) throws(DeviceError) {}
  public func send(_ batch: inout OutgoingBatch) throws(DeviceError) -> Bool { true }
  public func close() {}
}
