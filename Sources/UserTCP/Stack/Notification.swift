// What the engine tells the program. Notifications are drained after input, never from inside it
// (`ProtocolStack.nextNotification`), and coalesce: a connection has at most one pending, with
// every event that happened since the last.

public enum Notification: Hashable, Sendable, BitwiseCopyable {
  /// The accept queue of a listener is no longer empty.
  case acceptable(ListenerID)
  case connection(ConnectionID, ConnectionEvents)
}
