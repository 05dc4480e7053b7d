#!/usr/bin/env bash
# Runs every check and test: lint, layers, requirements, a release build, a minute of simulations, and
# `swift test`, of which
# level 1 to 3 need nothing, and level 4 (the kernel on the other side of a TUN) needs root and
# /dev/net/tun. As root it installs the programs level 4 talks to, and removes every namespace it
# made, also after a failure. Without root it says at its end what was left out. The last line is
# the summary of `swift test`. Further arguments go to `swift test`, for example `--filter HTTP`.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

find_swift
share_build_with_owner
cd "$root"

left_out=
is_root || left_out="no root"
[ -e /dev/net/tun ] || left_out="${left_out:+$left_out, }no /dev/net/tun"

export KERNEL_TEST_PREFIX="utcp-$$"
scratch=$(mktemp -d)
chmod 755 "$scratch" # some kernel tests run as an ordinary user
log="$scratch/log"
clean_up() {
  remove_namespaces "$KERNEL_TEST_PREFIX"
  rm -rf "$scratch"
  return_build_to_owner
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -z "$left_out" ]; then
  install_missing ip=iproute2 curl=curl wrk=wrk nginx=nginx-light nc=netcat-openbsd \
    ping=iputils-ping nft=nftables python3=python3 setpriv=util-linux sysctl=procps \
    ss=iproute2 nstat=iproute2 netstat=net-tools mariadbd=mariadb-server-core
  # The names of services, a file and no program.
  [ -f /etc/services ] || install_missing services=netbase
  # The distribution starts a web server when it installs one; the tests start their own.
  export KERNEL_TESTS_REQUIRED=1
fi
# Programs of the system's administration are not on everybody's PATH.
export PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

say "lint"
scripts/lint.sh
say "layers"
scripts/check-layers.sh
scripts/check-layers.sh --self-test
say "requirements"
scripts/check-requirements.sh
scripts/check-requirements.sh --self-test

say "release build"
swift build -c release --product tunstack
TUNSTACK="$(swift build -c release --show-bin-path)/tunstack"
export TUNSTACK

say "simulations (scripts/simulate-all.sh has all of them)"
scripts/simulate-all.sh --quick

say "tests"
status=0
# A test that runs away must not take the machine with it: 8 GB of addresses, 20 minutes.
(
  ulimit -v 8000000
  export TMPDIR="$scratch"
  exec timeout --kill-after=10 1200 swift test "$@"
) 2>&1 </dev/null | tee "$log" | grep -vE '^◇|^↳|^✔ Test case| skipped: "' || status=$?

if [ "$status" -ne 0 ]; then
  say "what failed"
  grep -E '^✘|error:|recorded an issue' "$log" | head -60 || true
fi
if [ -n "$left_out" ]; then
  say "left out: the kernel tests (level 4), because there is $left_out; run: sudo scripts/test.sh"
fi
grep -E 'Test run with [0-9]+ tests' "$log" | tail -1 || echo "swift test did not finish"
exit "$status"
