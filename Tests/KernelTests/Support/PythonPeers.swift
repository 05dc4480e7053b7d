// Peers that no ready-made program offers, as Python programs for `python3 -c`. Each ends with a
// status other than 0 and one line when TCP does not do what it should.

enum PythonPeers {
  /// HOST PORT BYTES: sends random octets and reads their echo at the same time; both must agree.
  static let echoCheck = """
    import hashlib, os, socket, sys, threading
    s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 30)
    total, sent = int(sys.argv[3]), hashlib.sha256()
    def send():
        left = total
        while left:
            block = os.urandom(min(left, 1 << 18))
            sent.update(block); s.sendall(block); left -= len(block)
        s.shutdown(socket.SHUT_WR)
    writer = threading.Thread(target=send); writer.start()
    got, count = hashlib.sha256(), 0
    while True:
        block = s.recv(1 << 18)
        if not block: break
        got.update(block); count += len(block)
    writer.join()
    if count != total: sys.exit(f"{count} of {total} octets came back")
    if got.digest() != sent.digest(): sys.exit("other octets came back")
    print("same", count)
    """

  /// HOST BYTES: reads chargen and checks the pattern of RFC 864: lines of 72 characters of the 95
  /// printable ones, each line beginning one character later.
  static let chargenCheck = """
    import socket, sys
    s = socket.create_connection((sys.argv[1], 19), 30)
    need, data = int(sys.argv[2]), bytearray()
    while len(data) < need:
        block = s.recv(1 << 20)
        if not block: sys.exit(f"ended after {len(data)}")
        data += block
    s.close()
    ring = bytes(range(32, 127)) * 2
    lines = bytes(data).split(b"\\r\\n")
    first = ring.index(lines[0][:1])
    for number, line in enumerate(lines[:-1]):
        at = (first + number) % 95
        if line != ring[at:at + 72]: sys.exit(f"line {number} is {line!r}")
    print("pattern", len(lines) - 1)
    """

  /// PORT: a kernel server for one connection: echoes all, and closes after the client has.
  static let echoServer = """
    import socket, sys
    l = socket.create_server(("0.0.0.0", int(sys.argv[1]))); print("ready", flush=True)
    c, _ = l.accept()
    while True:
        block = c.recv(1 << 18)
        if not block: break
        c.sendall(block)
    c.close()
    """

  /// PORT: greets, half-closes at once, then reads to the end and prints the digest of what it got.
  static let earlyHalfCloser = """
    import hashlib, socket, sys
    l = socket.create_server(("0.0.0.0", int(sys.argv[1]))); print("ready", flush=True)
    c, _ = l.accept()
    c.sendall(b"good bye"); c.shutdown(socket.SHUT_WR)
    got = hashlib.sha256()
    while True:
        block = c.recv(1 << 18)
        if not block: break
        got.update(block)
    print(got.hexdigest(), flush=True)
    """

  /// HOST PORT: begins a long upload and vanishes with a reset in the middle of it.
  static let vanishingClient = """
    import socket, struct, sys
    for _ in range(20):
        s = socket.create_connection((sys.argv[1], int(sys.argv[2])), 30)
        s.sendall(b"POST /echo HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 100000000\\r\\n\\r\\n")
        s.sendall(b"x" * 300000)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        s.close()
    """

  /// HOST: opens chargen ten times and never reads, until it is killed.
  static let neverReader = """
    import signal, socket, sys
    opened = [socket.create_connection((sys.argv[1], 19), 30) for _ in range(10)]
    print("ready", flush=True)
    signal.pause()
    """

  /// HOST PORT: sends one UDP datagram and expects to hear that nobody listens there.
  static let refusedDatagram = """
    import socket, sys
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(10)
    s.connect((sys.argv[1], int(sys.argv[2]))); s.send(b"anyone?")
    try: s.recv(10)
    except ConnectionRefusedError: print("refused"); sys.exit(0)
    sys.exit("no ICMP port unreachable came")
    """

  /// HOST COUNT: sends UDP datagrams as fast as it can.
  static let datagramBurst = """
    import socket, sys
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    for _ in range(int(sys.argv[2])): s.sendto(b"x", (sys.argv[1], 33434))
    """

  /// FILE: checks every frame of a pcap file of raw IP packets: lengths, IPv4 and TCP checksums.
  /// Prints "frames N", and "mss N" for each SYN-ACK with that option.
  static let captureCheck = """
    import struct, sys
    data = open(sys.argv[1], "rb").read()
    magic = data[:4]
    order = "<" if magic in (b"\\xd4\\xc3\\xb2\\xa1", b"\\x4d\\x3c\\xb2\\xa1") else ">"
    link = struct.unpack(order + "I", data[20:24])[0]
    if link not in (101, 12, 228): sys.exit(f"link type {link} is not raw IP")
    def total(octets):
        if len(octets) % 2: octets += b"\\0"
        s = sum(struct.unpack(f"!{len(octets) // 2}H", octets))
        while s >> 16: s = (s & 0xffff) + (s >> 16)
        return s
    at, frames, last = 24, 0, 0
    while at < len(data):
        seconds, part, kept, full = struct.unpack(order + "4I", data[at:at + 16])
        p = data[at + 16:at + 16 + kept]; at += 16 + kept; frames += 1
        if len(p) != kept or kept != full: sys.exit(f"frame {frames} is cut")
        if p[0] >> 4 != 4: continue
        header = (p[0] & 15) * 4
        if struct.unpack("!H", p[2:4])[0] != len(p): sys.exit(f"frame {frames}: total length")
        if total(p[:header]) != 0xffff: sys.exit(f"frame {frames}: IPv4 checksum")
        if p[9] != 6: continue
        t = p[header:]
        pseudo = p[12:20] + struct.pack("!2H", 6, len(t))
        if total(pseudo + t) != 0xffff: sys.exit(f"frame {frames}: TCP checksum")
        if t[13] & 0x12 == 0x12:
            o = t[20:(t[12] >> 4) * 4]
            while o and o[0]:
                if o[0] == 1: o = o[1:]; continue
                if o[0] == 2: print("mss", struct.unpack("!H", o[2:4])[0])
                o = o[o[1]:]
    print("frames", frames)
    """
}
