// Reads a small text file, whole. For configuration files, before anything else is opened.

import Glibc

enum TextFile {
  private static let largest = 1 << 20

  static func read(_ path: String) throws(Failure) -> String {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(path) }
    defer { close(descriptor) }
    var octets: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 4096)
    while true {
      let count = unsafe piece.withUnsafeMutableBytes {
        unsafe Glibc.read(descriptor, $0.baseAddress, $0.count)
      }
      guard count >= 0 else { throw failure(path) }
      if count == 0 { return String(decoding: octets, as: UTF8.self) }
      octets += piece[..<count]
      guard octets.count <= largest else {
        throw Failure(.noInput, "cannot read '\(path)': larger than 1 MiB; is it the right file?")
      }
    }
  }

  private static func failure(_ path: String) -> Failure {
    Failure(
      .noInput,
      "cannot read '\(path)': \(unsafe String(cString: strerror(errno))); "
        + "check the path and its permissions")
  }
}
