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
  ]

  private static let other: [Setting] = [
    .later("icmp_echo_ignore_broadcasts", .onOff, 0...1, 1, "pings to broadcasts are ignored")
  ]
}
