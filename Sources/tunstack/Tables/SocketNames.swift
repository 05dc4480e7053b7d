// What an address, a port and a user are called: numbers, or names from the system's own tables as
// netstat and ss ask for them. The tables take one of these, so that they themselves ask nobody.

import Glibc

struct SocketNames {
  /// Of an address as text; with a port `nil`: any peer.
  var host: (String) -> String
  var service: (UInt16) -> String
  var user: (UInt32) -> String

  static var numeric: SocketNames {
    SocketNames(host: { $0 }, service: { $0 == 0 ? "*" : String($0) }, user: { String($0) })
  }

  /// getnameinfo(3), getservbyport(3) and getpwuid(3), each asked once for each number.
  static func resolving(hosts: Bool = true) -> SocketNames {
    let found = Found()
    return SocketNames(
      host: { hosts ? found.host($0) : $0 }, service: { found.service($0) },
      user: { found.user($0) })
  }

  /// `192.0.2.2:80` in its two halves.
  func split(_ endpoint: String) -> (host: String, service: String) {
    guard let colon = endpoint.lastIndex(of: ":") else { return (host(endpoint), "*") }
    let port = UInt16(endpoint[endpoint.index(after: colon)...]) ?? 0
    return (host(String(endpoint[..<colon])), service(port))
  }

  private final class Found {
    private var hosts: [String: String] = ["0.0.0.0": "0.0.0.0"]
    private var services: [UInt16: String] = [0: "*"]
    private var users: [UInt32: String] = [:]

    func host(_ address: String) -> String {
      if let name = hosts[address] { return name }
      let name = Self.lookUp(address) ?? address
      hosts[address] = name
      return name
    }

    func service(_ port: UInt16) -> String {
      if let name = services[port] { return name }
      // Sound: the entry is copied before anyone asks again; one thread asks.
      let entry = unsafe getservbyport(Int32(port.bigEndian), "tcp")
      let name = unsafe entry.map { unsafe String(cString: $0.pointee.s_name) } ?? String(port)
      services[port] = name
      return name
    }

    func user(_ id: UInt32) -> String {
      if let name = users[id] { return name }
      let entry = unsafe getpwuid(id)
      let name = unsafe entry.map { unsafe String(cString: $0.pointee.pw_name) } ?? String(id)
      users[id] = name
      return name
    }

    private static func lookUp(_ address: String) -> String? {
      var binary = sockaddr_in()
      binary.sin_family = sa_family_t(AF_INET)
      guard unsafe inet_pton(AF_INET, address, &binary.sin_addr) == 1 else { return nil }
      var name = [CChar](repeating: 0, count: Int(NI_MAXHOST))
      let result = unsafe withUnsafePointer(to: binary) { pointer in
        // Sound: every socket address begins with the family.
        unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          unsafe getnameinfo(
            $0, socklen_t(MemoryLayout<sockaddr_in>.size), &name, socklen_t(name.count), nil, 0,
            NI_NAMEREQD)
        }
      }
      guard result == 0 else { return nil }
      return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
  }
}
