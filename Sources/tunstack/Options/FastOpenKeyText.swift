// The keys of Fast Open cookies as Linux's tcp_fastopen_key has them: four groups of eight hexadecimal
// digits, and after a comma the four of the key before it. All zero: the stack draws its own.

import UserTCPRuntime

struct FastOpenKeyText: Equatable, CustomStringConvertible {
  /// Four or eight of 32 bits.
  let words: [Int]

  static let none = FastOpenKeyText(words: [0, 0, 0, 0])

  init(words: [Int]) { self.words = words }

  /// `nil` when the text is no such keys.
  init?(_ text: String) {
    let keys = text.split(separator: ",", omittingEmptySubsequences: false)
    guard (1...2).contains(keys.count) else { return nil }
    var words: [Int] = []
    for key in keys {
      let groups = key.split(separator: "-", omittingEmptySubsequences: false)
      guard groups.count == 4 else { return nil }
      for group in groups {
        guard (1...8).contains(group.utf8.count), group.allSatisfy(\.isHexDigit),
          let word = Int(group, radix: 16)
        else { return nil }
        words.append(word)
      }
    }
    self.init(words: words)
  }

  init(_ keys: FastOpenKeys?) {
    guard let keys else {
      self = .none
      return
    }
    let all = [keys.current] + (keys.previous.map { [$0] } ?? [])
    words = all.flatMap { key in
      [key.first, key.first >> 32, key.second, key.second >> 32].map { Int($0 & 0xFFFF_FFFF) }
    }
  }

  var keys: FastOpenKeys? {
    guard words.contains(where: { $0 != 0 }) else { return nil }
    return FastOpenKeys(current: key(at: 0), previous: words.count == 8 ? key(at: 4) : nil)
  }

  /// The first group is the low half of the first word, as in Linux.
  private func key(at index: Int) -> FastOpenKeys.Key {
    let parts = words[index..<index + 4].map { UInt64($0) }
    return FastOpenKeys.Key(parts[0] | parts[1] << 32, parts[2] | parts[3] << 32)
  }

  var description: String {
    let groups = words.map { word in
      let digits = String(word, radix: 16)
      return String(repeating: "0", count: 8 - digits.count) + digits
    }
    return stride(from: 0, to: groups.count, by: 4).map {
      groups[$0..<$0 + 4].joined(separator: "-")
    }.joined(separator: ",")
  }
}
