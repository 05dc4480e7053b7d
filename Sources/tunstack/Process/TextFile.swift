// Reads or writes a small text file, whole. Configuration files, before anything else is opened, and what
// a lab has found.

import Glibc

enum TextFile {
  static func read(_ path: String, largest: Int = 1 << 20) throws(Failure) -> String {
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
        throw Failure(
          .noInput, "cannot read '\(path)': larger than \(largest >> 20) MiB; is it the right file?"
        )
      }
    }
  }

  /// Replaces the file.
  static func write(_ text: String, to path: String) throws(Failure) {
    let descriptor = unsafe open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    guard descriptor >= 0 else { throw writeFailure(path) }
    defer { close(descriptor) }
    var rest = Array(text.utf8)[...]
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes {
        unsafe Glibc.write(descriptor, $0.baseAddress, $0.count)
      }
      guard count > 0 else { throw writeFailure(path) }
      rest = rest.dropFirst(count)
    }
  }

  private static func writeFailure(_ path: String) -> Failure {
    Failure(
      .cannotCreate,
      "cannot write '\(path)': \(unsafe String(cString: strerror(errno))); "
        + "check the folder, its permissions and its space")
  }

  private static func failure(_ path: String) -> Failure {
    Failure(
      .noInput,
      "cannot read '\(path)': \(unsafe String(cString: strerror(errno))); "
        + "check the path and its permissions")
  }
}
