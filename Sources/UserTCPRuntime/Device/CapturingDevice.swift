public final class CapturingDevice: PacketDevice {
  let inner: any PacketDevice
  public init(_ inner: any PacketDevice, path: String) throws(DeviceError) { self.inner = inner }
  public var mtu: Int { inner.mtu }
  public var offloads: OffloadCapabilities { inner.offloads }
  public var descriptor: Int32? { inner.descriptor }
  public func receive(into batch: inout IncomingBatch) throws(DeviceError) {}
  public func send(_ batch: inout OutgoingBatch) throws(DeviceError) -> Bool { true }
  public func close() {}
}
