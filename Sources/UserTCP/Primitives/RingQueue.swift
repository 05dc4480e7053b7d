// A first-in, first-out queue of plain values in a circle of memory that doubles when it is full and
// never shrinks: in steady state neither `append` nor `popFirst` allocates.

@safe struct RingQueue<Element: BitwiseCopyable>: ~Copyable {
  private var storage: UnsafeMutablePointer<Element>? = nil
  private var capacity = 0
  private var head = 0
  private(set) var count = 0

  init() {}

  deinit { unsafe storage?.deallocate() }

  var isEmpty: Bool { count == 0 }

  mutating func append(_ element: Element) {
    if count == capacity { grow() }
    unsafe (storage! + ((head + count) & (capacity - 1))).initialize(to: element)
    count += 1
  }

  mutating func popFirst() -> Element? {
    guard count > 0 else { return nil }
    let element = unsafe storage![head]
    head = (head + 1) & (capacity - 1)
    count -= 1
    return element
  }

  /// The element `index` places behind the first.
  subscript(index: Int) -> Element {
    precondition(index >= 0 && index < count, "no such element")
    return unsafe storage![(head + index) & (capacity - 1)]
  }

  private mutating func grow() {
    let larger = max(16, capacity * 2)
    let block = UnsafeMutablePointer<Element>.allocate(capacity: larger)
    for index in 0..<count {
      unsafe (block + index).initialize(to: storage![(head + index) & (capacity - 1)])
    }
    unsafe storage?.deallocate()
    unsafe storage = block
    capacity = larger
    head = 0
  }
}
