// The growing hash table against a dictionary: insertion, removal and splits lose nobody.

import Testing
import UserTCPSimulation

@testable import UserTCP

struct HashIndexTests {
  @Test func `a hundred thousand entries are found as a dictionary finds them`() {
    let maximum = 100_000
    var random = SeededRandom(seed: 1)
    var index = HashIndex(maximum: maximum)
    var model: [UInt32: UInt32] = [:]  // entry: hash
    for entry: UInt32 in 0..<UInt32(maximum) {
      // Few bits, so that many entries share a hash.
      let hash = UInt32(truncatingIfNeeded: random.next()) & 0x0000_FFFF
      index.insert(entry, hash: hash)
      model[entry] = hash
      if entry % 3 == 0, let victim = model.keys.first {
        index.remove(victim)
        model[victim] = nil
      }
    }
    let count = index.count
    #expect(count == model.count)
    var missing = 0
    for entry: UInt32 in 0..<UInt32(maximum) {
      let hash = model[entry] ?? 0
      let found = index.find(hash) { $0 == entry }
      if (found == entry) != (model[entry] != nil) { missing += 1 }
    }
    #expect(missing == 0)
    for entry in model.keys { index.remove(entry) }
    let left = index.count
    #expect(left == 0)
    let ghost = index.find(5) { _ in true }
    #expect(ghost == nil)
  }

  @Test func `entries with one hash are told apart by the caller`() {
    var index = HashIndex(maximum: 8)
    for entry: UInt32 in 0..<8 { index.insert(entry, hash: 7) }
    index.remove(3)
    let third = index.find(7) { $0 == 3 }
    let fourth = index.find(7) { $0 == 4 }
    let stranger = index.find(8) { _ in true }
    #expect(third == nil && fourth == 4 && stranger == nil)
  }
}

struct HashBucketsTests {
  @Test func `a split moves entries only from the bucket it names to the new one`() {
    var buckets = HashBuckets()
    var random = SeededRandom(seed: 2)
    let hashes = (0..<500).map { _ in UInt32(truncatingIfNeeded: random.next()) }
    var places = hashes.map { buckets.bucket(of: $0) }
    // 64 buckets become 10,000: several rounds, several segments.
    for _ in 0..<9936 {
      let added = buckets.count
      let source = buckets.split()
      var strays = 0
      for (index, hash) in hashes.enumerated() {
        let place = buckets.bucket(of: hash)
        if place != places[index], places[index] != source || place != added { strays += 1 }
        places[index] = place
      }
      #expect(strays == 0)
    }
    let count = buckets.count
    #expect(count == 10_000)
    #expect(places.allSatisfy { $0 < 10_000 })
    #expect(buckets[9_999] == HashBuckets.none)
  }
}
