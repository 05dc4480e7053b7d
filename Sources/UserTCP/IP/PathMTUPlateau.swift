// What the next link of a router may take that does not say (RFC 1191 §5, §7.1): old ones leave the field of
// their message zero, and the links there are have only so many MTUs.

enum PathMTUPlateau {
  private static let all: InlineArray<11, Int> = [
    65_535, 32_000, 17_914, 8166, 4352, 2002, 1492, 1006, 508, 296, 68,
  ]

  /// The largest MTU that is in use and smaller than a packet which was too big (PMTU-3).
  static func below(_ count: Int) -> Int {
    for index in all.indices where all[index] < count { return all[index] }
    return all[all.count - 1]
  }
}
