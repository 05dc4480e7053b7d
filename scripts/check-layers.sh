#!/usr/bin/env bash
# Proves the shape of the code (ARCHITECTURE.md, "Layers"):
#
#  1. every target imports only what it may; the engine imports nothing;
#  2. the engine has no clock, task, lock, random source, printing or unordered container: it is a
#     value, and time, bytes and luck are its arguments;
#  3. inside the engine a folder names no type or function that a later folder declares.
#
# What it sees is names in the source, comments and strings taken out; members that an extension in
# a later folder adds to an earlier type escape it. Changes nothing.
#
#   scripts/check-layers.sh               check this repository
#   scripts/check-layers.sh --self-test   plant violations in a copy and expect each to be found
#   scripts/check-layers.sh --sources DIR check another Sources folder
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

# Dependency order of the engine's folders: a file may name what stands in its own or before it.
order="Primitives Wire Operation
  TCP/Receive TCP/Congestion TCP/Recovery TCP/Table TCP/Send TCP/Connection TCP/Handshake
  IP Stack"

# Target: modules it may import.
allowed_imports="UserTCP:
UserTCPSimulation:UserTCP
UserTCPRuntime:UserTCP CTun Glibc Synchronization
tunstack:UserTCP UserTCPRuntime UserTCPSimulation CTun ArgumentParser Logging FlyingFox FlyingSocks Foundation Glibc Synchronization"

# Names the engine and the simulation must not use, and why. (A simulation may look things up in a
# dictionary; the engine has its own tables.)
forbidden="Task TaskGroup withTaskGroup async await actor MainActor AsyncStream:a task
Clock ContinuousClock SuspendingClock DispatchTime Date clock_gettime:a clock
Mutex Atomic DispatchQueue Thread NSLock:a lock or thread
SystemRandomNumberGenerator randomElement shuffle shuffled:a random source
Hasher hashValue Set Dictionary:an order that differs from process to process
print debugPrint dump readLine:console output"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Writes "path:line:code" of all Swift files below $1, without comments and string contents.
code_of() {
  find "$1" -name '*.swift' -print0 | sort -z | xargs -0 -r awk -v base="$1/" '
    FNR == 1 { depth = 0; in_text = 0; path = FILENAME; sub(base, "", path) }
    {
      code = ""; in_string = 0; n = length($0)
      for (i = 1; i <= n; i++) {
        c = substr($0, i, 1); pair = substr($0, i, 2); triple = substr($0, i, 3)
        if (depth) {
          if (pair == "*/") { depth--; i++ } else if (pair == "/*") { depth++; i++ }
        } else if (in_text) {
          if (triple == "\"\"\"") { in_text = 0; i += 2 }
        } else if (in_string) {
          if (c == "\\") i++; else if (c == "\"") in_string = 0
        } else if (pair == "//") break
        else if (pair == "/*") { depth++; i++ }
        else if (triple == "\"\"\"") { in_text = 1; i += 2 }
        else if (c == "\"") in_string = 1
        else code = code c
      }
      if (code ~ /[^ \t]/) print path ":" FNR ":" code
    }'
}

# Prints "path:line: imports MODULE, which TARGET may not".
bad_imports() {
  awk -v table="$allowed_imports" '
    BEGIN {
      rows = split(table, row, "\n")
      for (i = 1; i <= rows; i++) {
        target = row[i]; sub(/:.*/, "", target); known[target] = 1
        list = row[i]; sub(/[^:]*:/, "", list)
        count = split(list, module, " ")
        for (j = 1; j <= count; j++) may[target, module[j]] = 1
      }
    }
    {
      target = $0; sub(/\/.*/, "", target)
      code = $0; sub(/^[^:]*:[^:]*:/, "", code)
      place = substr($0, 1, length($0) - length(code) - 1)
      if (!(target in known)) {
        if (!(target in told)) print place ": no import rule for target " target
        told[target] = 1; next
      }
      if (code !~ /^[ \t]*((@[A-Za-z_]+|public|package|internal|fileprivate|private)[ \t]+)*import[ \t]/) next
      sub(/^.*import[ \t]+/, "", code)
      sub(/^(struct|class|enum|protocol|func|var|let|typealias)[ \t]+/, "", code)
      sub(/[^A-Za-z0-9_].*/, "", code)
      if (!((target, code) in may)) print place ": imports " code ", which " target " may not"
    }' "$scratch/code"
}

# Prints every use of a forbidden name in the engine or the simulation.
forbidden_names() {
  awk -v table="$forbidden" '
    BEGIN {
      rows = split(table, row, "\n")
      for (i = 1; i <= rows; i++) {
        reason = row[i]; sub(/[^:]*:/, "", reason)
        list = row[i]; sub(/:.*/, "", list)
        count = split(list, banned, " ")
        for (j = 1; j <= count; j++) why[banned[j]] = reason
      }
    }
    /^(UserTCP|UserTCPSimulation)\// {
      code = $0; sub(/^[^:]*:[^:]*:/, "", code)
      place = substr($0, 1, length($0) - length(code) - 1)
      if (place ~ /^UserTCP\// && code ~ /\[[ ]*[A-Z][A-Za-z0-9_.]*[ ]*:[ ]*[A-Z]/ && code !~ /\?[^:]*\[/)
        print place ": a dictionary type, " why["Dictionary"]
      while (match(code, /[A-Za-z_][A-Za-z0-9_]*/)) {
        name = substr(code, RSTART, RLENGTH)
        before = RSTART > 1 ? substr(code, RSTART - 1, 1) : ""
        code = substr(code, RSTART + RLENGTH)
        if ((name in why) && (why[name] !~ /^an order/ || place ~ /^UserTCP\//)) print place ": " name " is " why[name]
        if (name == "random" && before == ".") print place ": .random is a random source"
      }
    }' "$scratch/code"
}

# Prints every name an engine file uses of a later folder.
upward_names() {
  awk -v order="$order" '
    function rank_of(path,   best, i) {
      best = 0
      for (i = 1; i <= folders; i++) if (index(path, folder[i] "/") == 1) best = i
      return best
    }
    BEGIN { folders = split(order, folder, /[ \n]+/) }
    !/^UserTCP\// { next }
    {
      path = $0; sub(/:.*/, "", path); sub(/^UserTCP\//, "", path)
      code = $0; sub(/^[^:]*:[^:]*:/, "", code)
      place = substr($0, 1, length($0) - length(code) - 1)
      rank = rank_of(path)
      if (!rank) {
        if (!(path in told)) print place ": its folder has no place in the order"
        told[path] = 1; next
      }
    }
    # First pass: what a file declares at its outermost level (formatted code starts in column 0).
    FNR == NR {
      head = code
      while (sub(/^(@[A-Za-z_]+(\([^)]*\))?|public|package|internal|indirect|final|static|unsafe)[ ]+/, "", head)) {}
      if (head !~ /^(struct|class|enum|protocol|actor|typealias|func|let|var)[ ]/) next
      visible = code !~ /(^|[ ])(private|fileprivate)[ ]/
      sub(/^[a-z]+[ ]+/, "", head); sub(/[^A-Za-z0-9_].*/, "", head)
      if (visible && length(head) > 2 && !(head in home)) { home[head] = rank; where[head] = path }
      next
    }
    # Second pass: what it uses.
    {
      while (match(code, /[A-Za-z_][A-Za-z0-9_]*/)) {
        name = substr(code, RSTART, RLENGTH)
        member = RSTART > 1 && substr(code, RSTART - 1, 1) == "."
        code = substr(code, RSTART + RLENGTH)
        label = code ~ /^[ ]*:/ && name ~ /^[a-z]/
        if (!member && !label && (name in home) && home[name] > rank)
          print place ": " name " belongs to a later folder (" where[name] ")"
      }
    }' "$scratch/code" "$scratch/code"
}

# What C may include: the C library and the kernel's headers.
bad_includes() {
  find "$1/CTun" \( -name '*.c' -o -name '*.h' \) -print0 2>/dev/null | sort -z |
    xargs -0 -r grep -nHE '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' |
    grep -vE '"(CTun|ctun)[A-Za-z0-9_-]*\.h"' | sed "s|^$1/||; s|\$| (only libc and kernel headers)|" || true
}

check() {
  # A check that breaks must not pass for one that found nothing, and `set -e` is off in here.
  code_of "$1" >"$scratch/code" && [ -s "$scratch/code" ] || fail "no Swift code read below $1"
  bad_imports >"$scratch/found" || fail "the import check broke"
  forbidden_names >>"$scratch/found" || fail "the name check broke"
  upward_names >>"$scratch/found" || fail "the folder check broke"
  bad_includes "$1" >>"$scratch/found" || fail "the include check broke"
  if [ -s "$scratch/found" ]; then
    head -60 "$scratch/found" >&2
    return 1
  fi
}

# plant FILE TEXT EXPECTED: with TEXT appended to FILE of a copy, the check must name EXPECTED.
plant() {
  rm -rf "$scratch/copy" && cp -R "$root/Sources" "$scratch/copy"
  mkdir -p "$(dirname "$scratch/copy/$1")"
  printf '%s\n' "$2" >>"$scratch/copy/$1"
  if (check "$scratch/copy") 2>"$scratch/said"; then fail "self-test: not found: $2 in $1"; fi
  grep -qF -- "$3" "$scratch/said" || {
    cat "$scratch/said" >&2
    fail "self-test: '$2' in $1 should have been reported as '$3'"
  }
}

self_test() {
  plant UserTCP/Primitives/Planted.swift 'import Glibc' 'imports Glibc'
  plant UserTCP/Primitives/Planted.swift 'public import struct Foundation.Date' 'imports Foundation'
  plant UserTCPRuntime/Planted.swift 'import Foundation' 'imports Foundation'
  plant UserTCPSimulation/Planted.swift 'import UserTCPRuntime' 'imports UserTCPRuntime'
  plant UserTCP/Wire/Planted.swift 'func planted() { Task { } }' 'Task is a task'
  plant UserTCP/Wire/Planted.swift 'let planted = ContinuousClock.now' 'ContinuousClock is a clock'
  plant UserTCP/Wire/Planted.swift 'var g = SystemRandomNumberGenerator()' 'random source'
  plant UserTCP/Wire/Planted.swift 'let planted = Int.random(in: 0...1)' '.random is'
  plant UserTCP/Stack/Planted.swift 'var planted: Set<Int> = []' 'Set is an order'
  plant UserTCP/Stack/Planted.swift 'var planted: [Int: String] = [:]' 'a dictionary type'
  plant UserTCP/Stack/Planted.swift 'func planted() { print(1) }' 'print is console'
  plant UserTCP/Wire/Planted.swift 'func planted(_ stack: borrowing ProtocolStack) {}' 'ProtocolStack belongs to a later folder'
  plant UserTCP/Odd/Planted.swift 'struct Planted {}' 'no place in the order'
  plant Oddment/Planted.swift 'struct Planted {}' 'no import rule'
  plant CTun/planted.c '#include "other/library.h"' 'only libc'
  # Names in comments and strings are no use of them.
  rm -rf "$scratch/copy" && cp -R "$root/Sources" "$scratch/copy"
  cat >>"$scratch/copy/UserTCP/Primitives/Planted.swift" <<'SWIFT'
// A Task with a Clock would print(…) what ProtocolStack does.
/* import Foundation, /* nested */ Set<Int> */
let planted = "import Glibc; Task.sleep \" ProtocolStack"
SWIFT
  (check "$scratch/copy") || fail "self-test: comments and strings must not count"
  say "check-layers: the self-test finds all that it plants"
}

case "${1:-}" in
  --self-test) self_test ;;
  --sources)
    check "$(cd "${2:?--sources needs a folder}" && pwd)" || fail "the layers are not kept"
    ;;
  "")
    check "$root/Sources" || fail "the layers are not kept (see ARCHITECTURE.md)"
    say "check-layers: imports, names and folder order are kept"
    ;;
  *) fail "unknown option $1" ;;
esac
