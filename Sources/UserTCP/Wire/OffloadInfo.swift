// What a frame says about work its sender left to its receiver: a checksum not yet computed, a
// super-segment not yet cut. The engine's own words for a virtio-net header (virtio 1.2 §5.1.6);
// a device that has no such header passes `.none` in and must be given `.none` out.
// The header's encoding is the device's business (`UserTCPRuntime/Device`).

/// Checksum and segmentation left undone in a frame (REQUIREMENTS §I, OFF-1, OFF-2).
public struct OffloadInfo: Hashable, Sendable, BitwiseCopyable {
  public enum Checksum: UInt8, Sendable, BitwiseCopyable {
    /// In: verify in full. Out: complete in the frame.
    case complete
    /// The field holds only the pseudo-header's sum; the rest is for whoever puts it on a wire.
    case partial
    /// In only: the device has verified it.
    case verified
  }

  public var checksum: Checksum
  /// The congestion window was reduced: CWR belongs to the first segment only (OFF-3).
  public var carriesCWR: Bool
  /// Payload octets of each segment to be cut; 0 when the frame is one segment.
  public var segmentSize: UInt16

  public init(checksum: Checksum, segmentSize: UInt16 = 0, carriesCWR: Bool = false) {
    self.checksum = checksum
    self.segmentSize = segmentSize
    self.carriesCWR = carriesCWR
  }

  public static let none = OffloadInfo(checksum: .complete)

  /// Segments on the wire: what so much text is cut into, or was made of; one where nothing is cut.
  static func segmentCount(text count: Int, segmentSize: Int) -> Int {
    segmentSize == 0 ? 1 : max(1, (count + segmentSize - 1) / segmentSize)
  }
}

/// What a device will do for outgoing frames.
public struct OffloadCapabilities: Hashable, Sendable, BitwiseCopyable {
  /// Completes a TCP checksum given the pseudo-header's sum.
  public var checksum: Bool
  /// Cuts TCP super-segments over IPv4 of up to 64 KB.
  public var segmentation: Bool

  public init(checksum: Bool, segmentation: Bool) {
    self.checksum = checksum
    self.segmentation = segmentation
  }

  public static let none = OffloadCapabilities(checksum: false, segmentation: false)
  public static let all = OffloadCapabilities(checksum: true, segmentation: true)
}
