#!/usr/bin/env bash
# Shows what this is, on a Debian or Ubuntu machine with a Swift toolchain: builds the tool, makes a
# network namespace with a TUN in it, starts `tunstack serve` there, and lets curl talk to it. The
# machine's own network is not touched; namespace, device and process are gone at the end, also after
# a failure. Needs root (sudo scripts/demo.sh); run it as often as you like.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

is_root || fail "a TUN device and a namespace need root: sudo $0"
[ -e /dev/net/tun ] || fail "no /dev/net/tun here: load the module (modprobe tun), or give the container --device /dev/net/tun"
find_swift
share_build_with_owner
install_missing ip=iproute2 curl=curl git=git

name="utcp-demo-$$"
folder=$(mktemp -d)
server=
clean_up() {
  if [ -n "$server" ] && kill -TERM "$server" 2>/dev/null; then
    for _ in $(seq 50); do
      kill -0 "$server" 2>/dev/null || break
      sleep 0.1
    done
    kill -KILL "$server" 2>/dev/null || true
  fi
  remove_namespaces "$name"
  rm -rf "$folder"
  return_build_to_owner
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

say "building tunstack (the first time this takes a few minutes)"
cd "$root"
swift build -c release --product tunstack
tunstack="$(swift build -c release --show-bin-path)/tunstack"

inside() { ip netns exec "$name" "$@"; }
show() {
  printf '\n$ %s\n' "$*"
  inside timeout 20 "$@"
}

ip netns add "$name"
inside ip link set lo up
say "starting: tunstack serve, in the namespace $name"
ip netns exec "$name" "$tunstack" serve 2>"$folder/log" &
server=$!
for _ in $(seq 100); do
  grep -q 'serving on' "$folder/log" && break
  kill -0 "$server" 2>/dev/null || { cat "$folder/log" >&2; server=; fail "tunstack did not start"; }
  sleep 0.1
done
cat "$folder/log"

show ip -brief address show tun0
show curl --silent --show-error --include http://192.0.2.2/hello
echo
show curl --silent --show-error --data 'TCP, written in Swift' http://192.0.2.2/echo
echo
show curl --silent --show-error http://192.0.2.2/
show curl --silent --show-error http://192.0.2.2/status
echo
head -c 100M /dev/urandom >"$folder/sent"
show curl --silent --show-error --upload-file "$folder/sent" --output "$folder/got" \
  --write-out '%{size_upload} octets up and %{size_download} back, in %{time_total} s\n' http://192.0.2.2/echo
cmp "$folder/sent" "$folder/got"
echo "what came back is what was sent"

printf '\n$ kill -TERM %s\n' "$server"
kill -TERM "$server"
status=0
wait "$server" || status=$?
server=
[ "$status" -eq 0 ] || { cat "$folder/log" >&2; fail "tunstack ended with status $status"; }
if inside ip link show tun0 >/dev/null 2>&1; then fail "tun0 is still there"; fi
say "tunstack has ended with status 0 and removed its device"
