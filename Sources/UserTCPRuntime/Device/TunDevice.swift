public final class TunDevice: PacketDevice {
  public struct Configuration: Sendable {
    public var name: String
    public var address: InterfaceAddress
    public var hostAddress: IPv4Address?
    public var mtu: Int?
    public var offloads: Bool
    public init(
      name: String = "tun0", address: InterfaceAddress, hostAddress: IPv4Address? = nil,
      mtu: Int? = nil, offloads: Bool = true
    ) {
      self.name = name
      self.address = address
      self.hostAddress = hostAddress
      self.mtu = mtu
      self.offloads = offloads
    }
  }
  public let name: String
  public let made: Bool
  public let mtu: Int
  public let offloads: OffloadCapabilities
  public var descriptor: Int32? { nil }
  public var droppedByKernel: UInt64? { nil }
  public static func open(_ configuration: Configuration) throws(DeviceError) -> TunDevice {
    throw .noTunDevice
  }
  init() { name = ""; made = false; mtu = 1500; offloads = .none }
  public func receive(into batch: inout IncomingBatch) throws(DeviceError) {}
  public func send(_ batch: inout OutgoingBatch) throws(DeviceError) -> Bool { true }
  public func close() {}
}
