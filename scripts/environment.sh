# shellcheck shell=bash
# What every script here needs: where the repository is, where Swift is, and how packages that only
# tests and demonstrations use are installed. It is sourced, not run; it changes nothing by itself.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export root

say() { printf '== %s\n' "$*"; }
fail() {
  printf 'error: %s\n' "$*" >&2
  exit 1
}

is_root() { [ "$(id -u)" -eq 0 ]; }

# sudo gives a short PATH; look where toolchains usually live.
find_swift() {
  command -v swift >/dev/null && return
  local folder home=
  [ -n "${SUDO_USER:-}" ] && home=$(getent passwd "$SUDO_USER" | cut -d: -f6)
  for folder in /usr/local/bin /usr/libexec/swift/bin /opt/swift/usr/bin /opt/*/usr/bin \
    "${home:-$HOME}"/.local/share/swiftly/bin; do
    if [ -x "$folder/swift" ]; then
      export PATH="$folder:$PATH"
      return
    fi
  done
  fail "no Swift toolchain found: install Swift 6.2 or later (https://www.swift.org/install) and put it on PATH"
}

# Root builds in a folder of another user: let git read the checkouts there, and give the owner
# the products back, so that a later build without root still works.
share_build_with_owner() {
  is_root || return 0
  export GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=safe.directory GIT_CONFIG_VALUE_0='*'
}
return_build_to_owner() {
  is_root && [ -d "$root/.build" ] && chown -R --no-dereference --reference="$root" "$root/.build"
  return 0
}

# install_missing PROGRAM=PACKAGE...: installs the package of every program that is not there.
install_missing() {
  local pair missing=()
  for pair in "$@"; do
    PATH="$PATH:/usr/sbin:/sbin" command -v "${pair%%=*}" >/dev/null || missing+=("${pair#*=}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  command -v apt-get >/dev/null || fail "please install: ${missing[*]}"
  say "installing ${missing[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local -r log=$(mktemp)
  if ! apt-get install -y --no-install-recommends "${missing[@]}" >"$log" 2>&1 </dev/null &&
    ! { apt-get update >"$log" 2>&1 </dev/null &&
      apt-get install -y --no-install-recommends "${missing[@]}" >>"$log" 2>&1 </dev/null; }; then
    tail -5 "$log" >&2
    rm -f "$log"
    fail "apt-get could not install ${missing[*]}"
  fi
  rm -f "$log"
}

# remove_namespaces PREFIX: ends what still runs in our namespaces, by process id, and removes them.
remove_namespaces() {
  local name
  for name in $(ip netns list 2>/dev/null | awk -v prefix="$1" 'index($1, prefix) == 1 {print $1}'); do
    ip netns pids "$name" 2>/dev/null | xargs -r kill -9 2>/dev/null || true
    ip netns delete "$name" 2>/dev/null || true
  done
}
