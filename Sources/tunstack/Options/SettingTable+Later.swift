// Knobs of work that is yet to come. They exist, so that a server's sysctl.conf loads here; they
// keep what is written and say that it changes nothing. One moves to SettingTable with what it
// changes.

extension Setting {
  static let later: [Setting] = recovery + other

  private static let recovery: [Setting] = [
    .later("tcp_max_reordering", .segments, 1...65_535, 300, "the most it grows to")
  ]

  private static let other: [Setting] = [
    .later("icmp_echo_ignore_broadcasts", .onOff, 0...1, 1, "pings to broadcasts are ignored")
  ]
}
