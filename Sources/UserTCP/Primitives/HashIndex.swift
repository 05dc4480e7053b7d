// From a hash to the number of an entry that lives elsewhere: the index of connections and of
// half-open connections. Keeps each entry's hash, so that a stranger in the same bucket is told apart
// without touching its memory, and a bucket splits without asking for keys.

@safe struct HashIndex: ~Copyable {
  private struct Node {
    var hash: UInt32
    var next: UInt32
  }

  private var buckets = HashBuckets()
  private let nodes: UnsafeMutablePointer<Node>
  private(set) var count = 0

  /// For entries numbered below `maximum`; memory becomes resident as numbers are used.
  init(maximum: Int) { unsafe nodes = .allocate(capacity: max(1, maximum)) }

  deinit { unsafe nodes.deallocate() }

  /// The entry with this hash for which `matches` holds.
  @inline(__always)
  func find(_ hash: UInt32, where matches: (UInt32) -> Bool) -> UInt32? {
    var entry = buckets[buckets.bucket(of: hash)]
    while entry != HashBuckets.none {
      let node = unsafe nodes[Int(entry)]
      if node.hash == hash, matches(entry) { return entry }
      entry = node.next
    }
    return nil
  }

  mutating func insert(_ entry: UInt32, hash: UInt32) {
    link(entry, hash)
    count += 1
    if count > buckets.count { splitOne() }
  }

  /// The entry must be in the index.
  mutating func remove(_ entry: UInt32) {
    let node = unsafe nodes[Int(entry)]
    let bucket = buckets.bucket(of: node.hash)
    count -= 1
    if buckets[bucket] == entry {
      buckets[bucket] = node.next
      return
    }
    var previous = buckets[bucket]
    while unsafe nodes[Int(previous)].next != entry { unsafe previous = nodes[Int(previous)].next }
    unsafe nodes[Int(previous)].next = node.next
  }

  private mutating func link(_ entry: UInt32, _ hash: UInt32) {
    let bucket = buckets.bucket(of: hash)
    unsafe (nodes + Int(entry)).initialize(to: Node(hash: hash, next: buckets[bucket]))
    buckets[bucket] = entry
  }

  private mutating func splitOne() {
    let source = buckets.split()
    var entry = buckets[source]
    buckets[source] = HashBuckets.none
    while entry != HashBuckets.none {
      let node = unsafe nodes[Int(entry)]
      link(entry, node.hash)
      entry = node.next
    }
  }
}
