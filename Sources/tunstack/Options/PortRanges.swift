// A list of ports as the kernel writes it in ip_local_reserved_ports: `8080,9000-9010`, sorted and
// merged.

struct PortRanges: Equatable, CustomStringConvertible {
  private(set) var ranges: [ClosedRange<Int>] = []

  /// `nil` when the text is no such list. Empty text is the empty list.
  init?(_ text: String) {
    var ranges: [ClosedRange<Int>] = []
    for word in text.split(separator: ",") where !word.trimmed.isEmpty {
      let ends = word.trimmed.split(separator: "-", omittingEmptySubsequences: false).map {
        $0.utf8.allSatisfy { ASCII.digit($0) != nil } ? Int($0) : nil
      }
      guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2,
        first <= last, (0...65_535).contains(first), last <= 65_535
      else { return nil }
      ranges.append(first...last)
    }
    self.init(merging: ranges)
  }

  init(pairs: [Int]) {
    self.init(
      merging: stride(from: 0, to: pairs.count - 1, by: 2).map { pairs[$0]...pairs[$0 + 1] })
  }

  init(ports: [UInt16]) { self.init(merging: ports.map { Int($0)...Int($0) }) }

  private init(merging unsorted: [ClosedRange<Int>]) {
    for range in unsorted.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = ranges.last, range.lowerBound <= last.upperBound + 1 {
        ranges[ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        ranges.append(range)
      }
    }
  }

  /// First and last of each.
  var pairs: [Int] { ranges.flatMap { [$0.lowerBound, $0.upperBound] } }

  var ports: [UInt16] { ranges.flatMap { $0.map { UInt16($0) } } }

  var description: String {
    ranges.map {
      $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)"
    }.joined(separator: ",")
  }
}
