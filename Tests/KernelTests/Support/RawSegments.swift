// Segments that no ordinary program sends, built by hand in Python and sent through a raw socket of
// the namespace: SYNs from addresses where nobody is, resets into TIME-WAIT.

import Foundation

enum RawSegments {
  private static let library = """
    import os, pathlib, socket, struct, sys, time
    HOST, STACK = "192.0.2.1", "192.0.2.2"
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    def total(octets):
        octets += b"\\0" * (len(octets) % 2)
        s = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
        while s >> 16: s = (s & 0xffff) + (s >> 16)
        return ~s & 0xffff
    def send(source, port, to, flags, sequence=1, acknowledgment=0, options=b""):
        a, b = socket.inet_aton(source), socket.inet_aton(STACK)
        length = 20 + len(options)
        head = lambda check: struct.pack("!HHIIBBHHH", port, to, sequence, acknowledgment,
                                         length // 4 << 4, flags, 64240, check, 0) + options
        check = total(a + b + struct.pack("!BBH", 0, 6, length) + head(0))
        ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + length, 1, 0, 64, 6, 0, a, b)
        raw.sendto(ip + head(check), (STACK, 0))
    tap = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(3)); tap.bind(("tun0", 3))
    tap.settimeout(10)
    def seen(matches):
        while True:
            p = tap.recv(70000)
            if p[9] != 6: continue
            t = p[(p[0] & 15) * 4:]; ends = struct.unpack("!HH", t[:4])
            if matches(socket.inet_ntoa(p[12:16]), ends, t[13]): return t
    def number(t, at): return struct.unpack("!I", t[at:at + 4])[0]
    def fetch():
        c = socket.create_connection((STACK, 80))
        c.sendall(b"GET /hello HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n")
        while c.recv(4096): pass
        c.close(); return c

    """

  /// PORT COUNT: SYNs from as many hosts of the network, none of which is there.
  static let strangers =
    library + """
      for i in range(int(sys.argv[2])):
          send(f"192.0.2.{10 + i % 200}", 2000 + (os.getpid() * 500 + i) % 60000, int(sys.argv[1]), 2)
      """

  /// Reads from the HTTP service until it closes, and closes too; then a SYN of the same host whose
  /// clock is five seconds behind.
  static let earlierClock =
    library + """
      fetch()
      t = seen(lambda source, ends, flags: source == HOST and ends[1] == 80 and flags & 1)
      at = t.index(b"\\1\\1\\x08\\x0a", 20) + 4
      earlier = struct.pack("!BBII", 8, 10, (number(t, at) - 5000) % 2**32, 0)
      send(HOST, 1999, 7, 2, options=b"\\1\\1" + earlier)
      """

  /// The same, but it resets what is then in TIME-WAIT with the exact sequence number, which it has
  /// seen pass by. SECONDS to wait before.
  static let resetIntoTimeWait =
    library + """
      fetch()
      t = seen(lambda source, ends, flags: source == HOST and ends[1] == 80 and flags & 1)
      port = struct.unpack("!H", t[:2])[0]
      sequence = number(t, 4) + len(t) - (t[12] >> 4) * 4 + 1
      time.sleep(float(sys.argv[1])); send(HOST, port, 80, 4, sequence % 2**32)
      """

  /// PROCESS: fills the accept queue of port 7, where one may wait, and lets two half-open
  /// connections be completed after that, all while the stack's process is stopped and so within
  /// one turn.
  static let overflow =
    library + """
      process = int(sys.argv[1])
      def open(host):
          send(host, 3000, 7, 2)
          t = seen(lambda source, ends, flags: ends == (7, 3000) and flags == 18)
          return lambda: send(host, 3000, 7, 16, 2, (number(t, 4) + 1) % 2**32)
      remembered = [open(f"192.0.2.{50 + i}") for i in range(1)]
      cookies = [open(f"192.0.2.{60 + i}") for i in range(5)]
      os.kill(process, 19)
      tasks = pathlib.Path(f"/proc/{process}/task")
      state = lambda task: (task / "stat").read_text().rsplit(")", 1)[1].split()[0]
      for _ in range(100000):  # the signal is on its way for a while
          if all(state(task) == "T" for task in tasks.iterdir()): break
      for complete in cookies + remembered: complete()
      os.kill(process, 18)
      """

  /// A SYN in the name of this machine, which knows nothing of it and resets the answer; and a
  /// segment whose checksum is wrong.
  static let withdrawnAndDamaged =
    library + """
      send(HOST, 1999, 7, 2)
      real = total
      total = lambda octets: real(octets) ^ 0x5555
      send(HOST, 1998, 7, 2)
      """

  /// Into an open connection a reset beside the exact number, and a SYN.
  static let guesses =
    library + """
      c = socket.create_connection((STACK, 7)); port = c.getsockname()[1]
      t = seen(lambda source, ends, flags: ends == (7, port) and flags == 18)
      sequence = number(t, 8)
      send(HOST, port, 7, 4, sequence + 10); send(HOST, port, 7, 2, sequence)
      time.sleep(0.5)
      """
}
