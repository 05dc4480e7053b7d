// Text in columns, as printf's `%-10s` and `%6d` make it.

extension StringProtocol {
  /// Blanks after it, up to `width`.
  func left(_ width: Int) -> String {
    self + String(repeating: " ", count: Swift.max(0, width - count))
  }

  /// Blanks before it, up to `width`.
  func right(_ width: Int) -> String {
    String(repeating: " ", count: Swift.max(0, width - count)) + self
  }
}

extension FixedWidthInteger {
  func right(_ width: Int) -> String { String(self).right(width) }

  /// Upper-case hexadecimal with zeros before it.
  func hexadecimal(_ digits: Int) -> String {
    let text = String(self, radix: 16, uppercase: true)
    return String(repeating: "0", count: Swift.max(0, digits - text.count)) + text
  }
}
