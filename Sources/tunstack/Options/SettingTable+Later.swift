// Knobs of work that is yet to come. They exist, so that a server's sysctl.conf loads here; they
// keep what is written and say that it changes nothing. One moves to SettingTable with what it
// changes.

extension Setting {
  static let later: [Setting] = recovery + congestion + pathMTU + fragments + other

  private static let recovery: [Setting] = [
    .later("tcp_reordering", .segments, 1...300, 3, "reordering that is no loss yet"),
    .later("tcp_max_reordering", .segments, 1...65_535, 300, "the most it grows to"),
  ]

  private static let congestion: [Setting] = [
    .later("tcp_ecn", .choice, 0...2, 2, "congestion notification (RFC 3168): 1 ask, 2 answer"),
    .later("tcp_ecn_fallback", .onOff, 0...1, 1, "retry a SYN without it"),
    .later("tcp_fastopen", .bits, 0...0xFFFF, 1, "data on the SYN (RFC 7413): 1 client, 2 server"),
  ]

  private static let pathMTU: [Setting] = [
    .later("tcp_mtu_probing", .choice, 0...2, 0, "packet sizes probed (RFC 4821)"),
    .later("tcp_base_mss", .octets, 48...65_495, 1024, "where probing starts"),
    .later("ip_no_pmtu_disc", .choice, 0...3, 0, "no discovery of the path's MTU (RFC 1191)"),
    .later("route.min_pmtu", .octets, 68...65_535, 552, "smallest MTU a router may report"),
  ]

  private static let fragments: [Setting] = [
    .later("ipfrag_time", .seconds, 1...2_147_483, 30, "how long fragments wait for the rest"),
    .later("ipfrag_high_thresh", .octets, 0...2_147_483_647, 4_194_304, "memory for fragments"),
    .later("ipfrag_max_dist", .entries, 0...2_147_483_647, 64, "how far apart fragments may come"),
  ]

  private static let other: [Setting] = [
    .later("icmp_echo_ignore_broadcasts", .onOff, 0...1, 1, "pings to broadcasts are ignored")
  ]
}
