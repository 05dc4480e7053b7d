// Where control sockets are: /run/tunstack/DEVICE.sock unless told otherwise. The server takes a
// path here, so that nobody but its user can ever connect and no running server loses its own; the
// commands look here for the one server there is.

import Glibc

enum ControlPath {
  static let folder = "/run/tunstack"
  /// A Unix address holds 107 octets, the HTTP library's type 104.
  private static let longest = 104

  static func standard(device: String) -> String { "\(folder)/\(device).sock" }

  /// Makes the way free for a socket at `path`: its folder exists, and no server answers there.
  static func claim(_ path: String) throws(Failure) {
    try check(path)
    if parent(path) == folder { try makeFolder() }
    guard unsafe access(parent(path), W_OK | X_OK) == 0 else {
      throw Failure(
        .cannotCreate,
        "cannot make '\(path)': \(text(errno)); take another path with --control, or --no-control")
    }
    var status = stat()
    guard unsafe lstat(path, &status) == 0 else {
      if errno == ENOENT { return }
      throw Failure(
        .cannotCreate, "cannot look at '\(path)': \(text(errno)); take another path with --control")
    }
    guard status.st_mode & S_IFMT == S_IFSOCK else {
      throw Failure(
        .unavailable, "'\(path)' is there and is no socket; take another path with --control")
    }
    switch answers(path) {
    case 0:
      throw Failure(
        .unavailable,
        "another tunstack answers on '\(path)'; stop it, or take another path with --control")
    case ECONNREFUSED:
      unsafe unlink(path)  // whoever made it is gone
    case let code:
      throw Failure(
        .unavailable, "cannot use '\(path)': \(text(code)); take another path with --control")
    }
  }

  static func check(_ path: String) throws(Failure) {
    guard !path.isEmpty, path.utf8.count <= longest, !path.utf8.contains(0) else {
      throw .usage("--control: a path of a socket has 1 to \(longest) octets")
    }
  }

  /// The socket a command means that was not told one.
  static func onlySocket(in folder: String = folder) throws(Failure) -> String {
    let names = sockets(in: folder)
    guard let first = names.first else {
      throw Failure(
        .unavailable,
        "no tunstack is running: '\(folder)' has no socket; start one with 'tunstack serve', or name "
          + "its socket with --control")
    }
    guard names.count == 1 else {
      let choices = names.map { "--control \(folder)/\($0)" }.joined(separator: " or ")
      throw .usage("several tunstacks are running; say which with \(choices)")
    }
    return "\(folder)/\(first)"
  }

  // MARK: The file system

  private static func makeFolder() throws(Failure) {
    if unsafe mkdir(folder, 0o700) == 0 || errno == EEXIST { return }
    throw Failure(
      .cannotCreate,
      "cannot make '\(folder)': \(text(errno)); name a path with --control, or use --no-control")
  }

  /// 0 when a server takes a connection, else the reason why not.
  private static func answers(_ path: String) -> Int32 {
    let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
    guard descriptor >= 0 else { return errno }
    defer { close(descriptor) }
    return UnixAddress(path).connect(descriptor)
  }

  private static func sockets(in folder: String) -> [String] {
    guard let directory = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      // Sound: the kernel ends the name with a NUL inside the entry.
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) {
        unsafe $0.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name.hasSuffix(".sock") { names.append(name) }
    }
    return names.sorted()
  }

  private static func parent(_ path: String) -> String {
    path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
  }

  private static func text(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}

/// A path as the kernel's `sockaddr_un`.
struct UnixAddress {
  private var storage = sockaddr_un()

  /// The path has been checked for its length.
  init(_ path: String) {
    storage.sun_family = sa_family_t(AF_UNIX)
    unsafe withUnsafeMutableBytes(of: &storage.sun_path) { room in
      for (index, octet) in path.utf8.prefix(room.count - 1).enumerated() {
        unsafe room[index] = octet
      }
    }
  }

  /// 0 or the error's number.
  func connect(_ descriptor: Int32) -> Int32 {
    let result = unsafe withUnsafePointer(to: storage) { address in
      // Sound: every socket address begins with the family.
      unsafe address.withMemoryRebound(to: sockaddr.self, capacity: 1) {
        unsafe Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
      }
    }
    return result == 0 ? 0 : errno
  }
}
