// Which service listens on which port: the well-known ones, changed by `--port SERVICE=PORT`.

import UserTCPRuntime

/// What `tunstack serve` offers.
enum Service: String, CaseIterable {
  case echo, discard, chargen, http

  var wellKnownPort: Port {
    switch self {
    case .echo: 7  // RFC 862
    case .discard: 9  // RFC 863
    case .chargen: 19  // RFC 864
    case .http: 80
    }
  }
}

struct ServicePorts: Equatable {
  private var ports: [Service: Port]

  /// `assignments` as written on the command line; the last one for a service holds.
  init(_ assignments: [String]) throws(Failure) {
    ports = Dictionary(uniqueKeysWithValues: Service.allCases.map { ($0, $0.wellKnownPort) })
    for assignment in assignments {
      let (service, port) = try Self.parse(assignment)
      ports[service] = port
    }
    try checkThatPortsDiffer()
  }

  subscript(service: Service) -> Port { ports[service] ?? service.wellKnownPort }

  private static func parse(_ assignment: String) throws(Failure) -> (Service, Port) {
    let words = assignment.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
    guard words.count == 2, let service = Service(rawValue: String(words[0])) else {
      throw .usage(
        "'\(assignment)' names no service; the services are echo, discard, chargen and http, "
          + "write it like --port http=8080")
    }
    return (service, try port(String(words[1]), option: "--port \(service)"))
  }

  /// A port on the command line.
  static func port(_ text: String, option: String) throws(Failure) -> Port {
    guard text.utf8.allSatisfy({ ASCII.digit($0) != nil }), let number = UInt16(text), number > 0
    else { throw .usage("\(option): '\(text)' is not a port; a port is 1 to 65535") }
    return Port(number)
  }

  private func checkThatPortsDiffer() throws(Failure) {
    var owners: [Port: Service] = [:]
    for service in Service.allCases {
      if let owner = owners.updateValue(service, forKey: self[service]) {
        throw .usage(
          "port \(self[service]) is taken by \(owner), \(service) cannot have it too; "
            + "give one of them another, like --port \(service)=8080")
      }
    }
  }
}
