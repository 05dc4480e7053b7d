// A lossy router between the kernel's client and the stack: nftables drops two packets in a hundred
// each way. Not one octet may be wrong. The client sits behind a veth pair, so what arrives has been
// forwarded: checksums and segment sizes are those of another host (OFF-1).

import Foundation
import Testing

/// client -- veth -- router -- tun0: the stack
struct LossyPath {
  let router: Namespace
  let client: Namespace

  init(percent: Int, wholeSegments: Bool) throws {
    router = try Namespace()
    client = try Namespace()
    try router.succeed("ip", "link", "add", "down0", "type", "veth", "peer", "name", "up0")
    try router.succeed("ip", "link", "set", "up0", "netns", client.name)
    for (place, device, address) in [
      (router, "down0", "198.51.100.1"), (client, "up0", "198.51.100.2"),
    ] {
      try place.succeed("ip", "address", "add", "\(address)/24", "dev", device)
      // One segment a frame, so that each is lost on its own; or the kernel's super-segments.
      if wholeSegments {
        try place.succeed("ip", "link", "set", device, "gso_max_segs", "1")
      }
      try place.succeed("ip", "link", "set", device, "up")
    }
    try client.succeed("ip", "route", "add", "default", "via", "198.51.100.1")
    try router.succeed("sysctl", "-qw", "net.ipv4.ip_forward=1")
    try router.succeed(
      "nft", "-f", "-",
      input: Data(
        """
        table ip loss {
          counter in {}
          counter out {}
          chain forward {
            type filter hook forward priority 0;
            oifname "tun0" numgen random mod 100 < \(percent) counter name in drop
            iifname "tun0" numgen random mod 100 < \(percent) counter name out drop
          }
        }
        """.utf8))
  }

  func dropped(_ way: String) throws -> Int {
    let text = try router.succeed("nft", "list", "counter", "ip", "loss", way).text
    return text.components(separatedBy: "packets ").dropFirst().first
      .flatMap { Int($0.prefix { $0.isNumber }) } ?? 0
  }
}

extension Kernel {
  @Suite struct Loss {
    @Test(arguments: [true, false], [[], ["--no-offload"]])
    func `at 2 % loss both ways no octet is wrong`(_ wholeSegments: Bool, _ mode: [String]) throws {
      let path = try LossyPath(percent: 2, wholeSegments: wholeSegments)
      let server = try Server(in: path.router, mode)
      let size = wholeSegments ? 2 << 20 : 20 << 20
      let outcome = try path.client.succeed(
        "python3", "-c", PythonPeers.echoCheck, Server.address, "7", "\(size)", seconds: 240)
      #expect(outcome.text == "same \(size)\n")
      // Each way by itself, too.
      let chargen = try path.client.succeed(
        "python3", "-c", PythonPeers.chargenCheck, Server.address, "\(size)", seconds: 240)
      #expect(chargen.text.hasPrefix("pattern "))
      try path.client.shell(
        "head -c \(size) /dev/zero | nc -N \(Server.address) 9", seconds: 240)
      #expect(try path.dropped("in") > 0, "nothing was lost on the way in: no test")
      #expect(try path.dropped("out") > 0, "nothing was lost on the way out: no test")
      server.stop()
    }
  }
}
