// Standard input and output for `tunstack connect`, in pieces. Both may block for as long as a person
// thinks, so each call waits on a thread of its own and never on the stack's loop.

import Glibc

/// `errno` of a read or write that failed.
struct StreamError: Error {
  var code: Int32
  var text: String { unsafe String(cString: strerror(code)) }
}

enum StandardInput {
  private static let pieceLength = 64 << 10

  /// The next octets; empty at the end.
  static func next() async throws(StreamError) -> [UInt8] {
    try await BackgroundThread.run { readPiece() }.get()
  }

  private static func readPiece() -> Result<[UInt8], StreamError> {
    var code: Int32 = 0
    let octets = unsafe [UInt8](unsafeUninitializedCapacity: pieceLength) { buffer, count in
      let result = retrying { unsafe read(STDIN_FILENO, buffer.baseAddress, buffer.count) }
      if result < 0 { code = errno }
      count = max(0, result)
    }
    return code == 0 ? .success(octets) : .failure(StreamError(code: code))
  }
}

enum StandardOutput {
  static func write(_ octets: [UInt8]) async throws(StreamError) {
    try await BackgroundThread.run { writeAll(octets) }.get()
  }

  private static func writeAll(_ octets: [UInt8]) -> Result<Void, StreamError> {
    unsafe octets.withUnsafeBytes { buffer in
      var rest = unsafe buffer[...]
      while unsafe !rest.isEmpty {
        let count = retrying {
          unsafe Glibc.write(
            STDOUT_FILENO, UnsafeRawBufferPointer(rebasing: rest).baseAddress, rest.count)
        }
        guard count >= 0 else { return .failure(StreamError(code: errno)) }
        unsafe rest = rest.dropFirst(count)
      }
      return .success(())
    }
  }
}

enum StandardStreams {
  /// A program may be started with some of them closed. The next file it opens would then take the
  /// number, and a TUN device that is standard input is no use to anybody.
  static func fillGaps() {
    var descriptor: Int32 = 0
    repeat {
      descriptor = unsafe open("/dev/null", O_RDWR)
    } while descriptor >= 0 && descriptor <= STDERR_FILENO
    if descriptor > STDERR_FILENO { close(descriptor) }
  }
}

enum StandardError {
  /// One line, at once.
  static func write(line: String) {
    var line = "\(line)\n"
    // Nowhere is left to tell of a failure here.
    _ = line.withUTF8 { unsafe Glibc.write(STDERR_FILENO, $0.baseAddress, $0.count) }
  }
}

/// A signal may interrupt a call before anything was done.
private func retrying(_ call: () -> Int) -> Int {
  while true {
    let result = call()
    if result >= 0 || errno != EINTR { return result }
  }
}
