/// What a connection has to read now.
public enum Readable: Hashable, Sendable, BitwiseCopyable {
  case bytes(Int)
  case nothingYet
  /// The peer's FIN, and nothing before it is left.
  case endOfStream
}
