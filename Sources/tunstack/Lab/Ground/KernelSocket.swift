// The kernel's TCP sockets for the labs' clients and for the server that stands beside our stack: a
// descriptor, non-blocking, and calls that return a count or -errno. Who opens one closes it. Which
// network it belongs to is decided by the thread that opens it (`NetworkNamespace.run`).

import Glibc
import UserTCPRuntime

struct KernelSocket: Sendable {
  let descriptor: Int32

  /// `nil` when the process may not have more descriptors.
  init?() {
    let kind = SOCK_STREAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue
    descriptor = socket(AF_INET, Int32(kind), Int32(IPPROTO_TCP))
    if descriptor < 0 { return nil }
  }

  private init(descriptor: Int32) { self.descriptor = descriptor }

  func close() { _ = Glibc.close(descriptor) }

  // MARK: Opening

  /// 0, or -EINPROGRESS: wait until it is writable and ask `error`; or why it cannot be.
  func connect(to remote: Endpoint, from port: UInt16? = nil) -> Int {
    if let port {
      let code = bind(to: Endpoint(IPv4Address.unspecified, Port(port)))
      guard code == 0 else { return code }
    }
    return unsafe sockaddr_in(remote).withPointer { unsafe Glibc.connect(descriptor, $0, $1) }
  }

  func listen(at local: Endpoint, backlog: Int32 = 1024) -> Int {
    let code = bind(to: local)
    return code == 0 ? result(Glibc.listen(descriptor, backlog)) : code
  }

  /// A listener on any address; throws what keeps it from being one.
  static func listening(on port: Port) throws(Failure) -> KernelSocket {
    guard let listener = KernelSocket() else { throw .system("socket") }
    let code = listener.listen(at: Endpoint(IPv4Address.unspecified, port))
    guard code == 0 else {
      listener.close()
      throw Failure(
        .system,
        "cannot listen on port \(port): \(unsafe String(cString: strerror(Int32(-code))))")
    }
    return listener
  }

  private func bind(to local: Endpoint) -> Int {
    var yes: Int32 = 1
    _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &yes, 4)
    return unsafe sockaddr_in(local).withPointer { unsafe Glibc.bind(descriptor, $0, $1) }
  }

  /// The next connection of a listener; `nil`: none yet.
  func accept() -> KernelSocket? {
    let accepted = Glibc.accept(descriptor, nil, nil)
    guard accepted >= 0 else { return nil }
    _ = fcntl(accepted, F_SETFL, O_NONBLOCK)
    return KernelSocket(descriptor: accepted)
  }

  /// The error that is pending, 0 when there is none.
  var error: Int32 {
    var (code, length) = (Int32(0), socklen_t(4))
    _ = unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &code, &length)
    return code
  }

  // MARK: Octets

  func send(_ octets: [UInt8]) -> Int {
    result(
      unsafe octets.withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
      })
  }

  /// Appends what is there; 0 at the end.
  func receive(into octets: inout [UInt8]) -> Int {
    var piece = [UInt8](repeating: 0, count: 4096)
    let count = unsafe piece.withUnsafeMutableBytes {
      unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
    }
    if count > 0 { octets += piece[..<count] }
    return result(count)
  }

  /// Writes what is there over the beginning of `buffer`; 0 at the end.
  func receive(over buffer: inout [UInt8]) -> Int {
    result(
      unsafe buffer.withUnsafeMutableBytes {
        unsafe recv(descriptor, $0.baseAddress, $0.count, 0)
      })
  }
}

/// The value of a system call, or -errno.
private func result(_ value: some BinaryInteger) -> Int {
  value < 0 ? -Int(errno) : Int(value)
}

extension sockaddr_in {
  init(_ endpoint: Endpoint) {
    self.init()
    sin_family = sa_family_t(AF_INET)
    sin_port = endpoint.port.rawValue.bigEndian
    switch endpoint.address {
    case .v4(let address): sin_addr.s_addr = address.bits.bigEndian
    }
  }

  /// Lends itself to a call that takes any kind of address. Returns its value, or -errno.
  func withPointer(_ call: (UnsafePointer<sockaddr>, socklen_t) -> some BinaryInteger) -> Int {
    unsafe withUnsafePointer(to: self) {
      unsafe $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe result(call($0, socklen_t(MemoryLayout<sockaddr_in>.size)))
      }
    }
  }
}

/// poll(2) over a list that its owner keeps.
enum Poll {
  static func wait(for entries: inout [pollfd], milliseconds: Int32) {
    for index in entries.indices { entries[index].revents = 0 }
    // An interruption is like a time that passed: the caller looks and comes again.
    _ = unsafe poll(&entries, nfds_t(entries.count), milliseconds)
  }
}

extension pollfd {
  init(_ descriptor: Int32, waitingFor events: Int32) {
    self.init(fd: descriptor, events: Int16(events), revents: 0)
  }
  var isReady: Bool { revents != 0 }
}
