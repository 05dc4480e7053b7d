// Knobs of work that is yet to come. They exist, so that a server's sysctl.conf loads here; they
// keep what is written and say that it changes nothing. One moves to SettingTable with what it
// changes.

extension Setting {
  static let later: [Setting] = recovery + congestion + other

  private static let recovery: [Setting] = [
    .later("tcp_max_reordering", .segments, 1...65_535, 300, "the most it grows to")
  ]

  private static let congestion: [Setting] = [
    .later("tcp_ecn", .choice, 0...2, 2, "congestion notification (RFC 3168): 1 ask, 2 answer"),
    .later("tcp_ecn_fallback", .onOff, 0...1, 1, "retry a SYN without it"),
    .later("tcp_fastopen", .bits, 0...0xFFFF, 1, "data on the SYN (RFC 7413): 1 client, 2 server"),
  ]

  private static let other: [Setting] = [
    .later("tcp_shrink_window", .onOff, 0...1, 0, "a window's edge may move back"),
    .later(
      "tcp_notsent_lowat", .octets, 0...4_294_967_295, 4_294_967_295,
      "unsent octets below which a connection is writable"),
    .later("icmp_echo_ignore_broadcasts", .onOff, 0...1, 1, "pings to broadcasts are ignored"),
  ]
}
