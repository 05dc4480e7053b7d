// What the runtime reports, as exit codes and lines.

import UserTCPRuntime

extension Failure {
  /// A device that cannot be opened, or that went away. Its own words say how to mend it.
  init(_ error: DeviceError) {
    let status: ExitStatus =
      switch error {
      case .notPermitted: .notPermitted
      case .noTunDevice, .busy, .notATun, .queueMismatch, .linkDown, .deleted: .unavailable
      case .invalidName, .noHostAddress: .usage
      case .addressRejected, .mtuRejected: .system
      case .captureFile: .cannotCreate
      case .io: .inputOutput
      }
    self.init(status, error.description)
  }

  /// A connection that did not come about or broke.
  init(_ error: TCPError, connection remote: Endpoint) {
    self.init(.unavailable, "\(remote): \(error); \(error.advice)")
  }
}

extension TCPError {
  /// What to look at.
  fileprivate var advice: String {
    switch self {
    case .connectionRefused: "see that something listens on that port"
    case .resetByPeer: "the other end has ended it"
    case .timedOut: "see that the host is up and its firewall lets TCP through"
    case .unreachable: "see that there is a route to it"
    case .addressInUse: "take another --from, or wait until TIME_WAIT is over"
    case .addressNotAvailable: "free some ports, or widen ip_local_port_range"
    case .invalidAddress: "name a host, not a network or a group"
    case .limitReached: "close some connections, or raise tcp_mem"
    case .aborted, .closed, .cancelled, .notConnected: "try again"
    }
  }
}
