#!/usr/bin/env bash
# Compares docs/requirements.md with the tests: prints which ids have a test and which are open, and
# fails when
#
#  - a row says `done` (or `part`), but no test file cites its id, or the row names a file that is not there;
#  - a row says anything else and gives no reason, or its state is unknown, or its id stands twice;
#  - code or a test cites an id that the page does not have;
#  - a test cites the id of a row that is neither `done` nor `part`.
#
#   scripts/check-requirements.sh               check, print a summary and what is open
#   scripts/check-requirements.sh --list        also print every id with the tests that cite it
#   scripts/check-requirements.sh --update      fill in where and by which test; cited rows become done
#   scripts/check-requirements.sh --self-test   break a copy in each way and expect each to be found
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# citations FOLDER...: prints "ID FILE" for every id that a Swift or C file of the folders names.
citations() {
  find "$@" \( -name '*.swift' -o -name '*.c' -o -name '*.h' \) -print0 2>/dev/null | sort -z |
    xargs -0 -r awk '
      {
        line = $0
        while (match(line, /[A-Z][A-Z0-9]*(-[A-Z]+)?-[0-9]+a?/)) {
          id = substr(line, RSTART, RLENGTH)
          if (RSTART > 1 && substr(line, RSTART - 1, 1) ~ /[A-Za-z0-9_-]/) id = ""
          line = substr(line, RSTART + RLENGTH)
          if (line ~ /^[A-Za-z0-9_]/) id = ""
          # Only RFC 9293 calls its requirements MUST, SHLD, MAY and REC with a number.
          if (id ~ /^(MUST|SHLD|MAY|REC)-[0-9]+$/) id = "R9293-" id
          if (id ~ /^R9293-(MUST|SHLD|MAY|REC)-[0-9]+$/ ||
              id ~ /^(LC|TW|SEC|TS|SACK|RACK|TLP|PRR|CC|CUB|HS|RTO|FRTO|ECN|UTO|TFO|AECN|IP4|FRAG|ICMP4|PMTU|IP6|FRAG6|ICMP6|PMTU6|ND|SYS|NST|CNT|OFF|DEC)-[0-9]+a?$/)
            if (!((id, FILENAME) in told)) { told[id, FILENAME] = 1; print id, FILENAME }
        }
      }'
}

# collect ROOT: writes the citations of code and of tests. Only a file with a test proves anything.
collect() {
  (
    cd "$1"
    citations Sources >"$scratch/code"
    citations Tests >"$scratch/all-tests"
    while read -r id file; do
      if grep -q '@Test' "$file"; then printf '%s %s\n' "$id" "$file"; fi
    done <"$scratch/all-tests" >"$scratch/tests"
  )
}

# check ROOT [list]
check() {
  collect "$1"
  local status=0
  awk -F ' *[|] *' -v list="${2:-}" -v root="$1" -v code="$scratch/code" -v tests="$scratch/tests" '
    function complain(text) { print "docs/requirements.md: " text > "/dev/stderr"; bad = 1 }
    function exists(path,   line, there) {
      there = (getline line < (root "/" path)) >= 0
      close(root "/" path)
      return there
    }
    BEGIN {
      while ((getline line < tests) > 0) { split(line, part, " "); by[part[1]] = by[part[1]] " " part[2] }
      while ((getline line < code) > 0) { split(line, part, " "); cited[part[1]] = cited[part[1]] " " part[2] }
    }
    /^\| [A-Z0-9]+(-[A-Z]+)?-[0-9]+a? \|/ {
      id = $2; level = $3; state = $5; where = $6; why = $7
      if (id in row) complain(id " stands twice")
      row[id] = 1; count[state]++; total++
      if (level !~ /^(MUST|SHOULD|MAY)( not)?$/ && level != "decision") complain(id ": unknown level " level)
      if (state == "part" && why !~ /missing: ./) complain(id " is part, but the row does not say what is missing")
      if (state == "done" || state == "part") {
        if (!(id in by)) complain(id " is called " state ", but no test cites it")
        if (where == "") complain(id " is " state ", but the row does not say where")
        files = split(where, file, /[, ]+/)
        for (i = 1; i <= files; i++) {
          gsub(/`/, "", file[i])
          if (file[i] ~ /\// && !exists(file[i])) complain(id " names " file[i] ", which is not there")
        }
        files = split(why, file, /[,; ]+/)
        for (i = 1; i <= files; i++) {
          gsub(/`/, "", file[i])
          if (file[i] ~ /\.swift$/ && index(by[id] " ", " " file[i] " ") == 0)
            complain(id " names " file[i] ", which has no test that cites it")
        }
      } else if (state ~ /^(open|later|deviation|none)$/) {
        if (why == "") complain(id " is " state ", but the row gives no reason")
        if (id in by && state != "deviation") complain(id " is " state ", but" by[id] " cites it: --update the page")
      } else complain(id " has the unknown state \"" state "\"")
      if (state == "open") open = open " " id
      if (state == "part") partly = partly " " id
      if (list) printf "%-14s %-9s%s\n", id, state, (id in by) ? by[id] : ""
    }
    END {
      for (id in by) if (!(id in row)) { complain(id " is unknown, but" by[id] " cites it") }
      for (id in cited) if (!(id in row)) { complain(id " is unknown, but" cited[id] " cites it") }
      if (!total) complain("no rows found")
      printf "requirements: %d done, %d in part, %d open, %d later, %d deviation, %d without anything to test\n",
        count["done"], count["part"], count["open"], count["later"], count["deviation"], count["none"]
      if (partly != "") print "in part:" partly
      if (open != "") print "open:" open
      exit bad
    }' "$1/docs/requirements.md" || status=$?
  return $status
}

# Rewrites the page: rows that tests cite are done, with the first three files of each kind.
update() {
  collect "$root"
  awk -F ' *[|] *' -v code="$scratch/code" -v tests="$scratch/tests" '
    function add(list, path) {
      if (split(list, seen, ",") >= 3) return list
      return list (list == "" ? "" : ", ") "`" path "`"
    }
    BEGIN {
      while ((getline line < tests) > 0) { split(line, part, " "); by[part[1]] = add(by[part[1]], part[2]) }
      while ((getline line < code) > 0) { split(line, part, " "); if (part[2] !~ /Simulation/) cited[part[1]] = add(cited[part[1]], part[2]) }
    }
    /^\| [A-Z0-9]+(-[A-Z]+)?-[0-9]+a? \|/ && ($2 in by) && $5 != "deviation" && $5 != "part" {
      where = ($2 in cited) ? cited[$2] : $6
      print "| " $2 " | " $3 " | " $4 " | done | " where " | " by[$2] " |"
      next
    }
    /^\| [A-Z0-9]+(-[A-Z]+)?-[0-9]+a? \|/ && !($2 in by) && ($5 == "done" || $5 == "part") {
      print "| " $2 " | " $3 " | " $4 " | open |  | no test cites it any more |"
      next
    }
    { print }' "$root/docs/requirements.md" >"$scratch/page"
  cat "$scratch/page" >"$root/docs/requirements.md"
}

# broken EXPECTED: the copy must fail and say so.
broken() {
  if check "$scratch/copy" >"$scratch/said" 2>&1; then fail "self-test: not found: $1"; fi
  grep -qF -- "$1" "$scratch/said" || {
    head -5 "$scratch/said" >&2
    fail "self-test: expected '$1'"
  }
}

fresh_copy() {
  rm -rf "$scratch/copy" && mkdir -p "$scratch/copy/docs" "$scratch/copy/Tests" "$scratch/copy/Sources"
  {
    echo '| id | level | requirement | state | where | test, or the reason there is none |'
    echo '|---|---|---|---|---|---|'
    echo '| R9293-MUST-4 | MUST | options | done | `Sources/A.swift` | `Tests/A.swift` |'
    echo '| LC-2 | MUST | listen | open |  | not yet tested |'
  } >"$scratch/copy/docs/requirements.md"
  echo '// MUST-4' >"$scratch/copy/Sources/A.swift"
  printf '// MUST-4\n@Test func works() {}\n' >"$scratch/copy/Tests/A.swift"
}

self_test() {
  fresh_copy && { check "$scratch/copy" >/dev/null || fail "self-test: a good page must pass"; }
  fresh_copy && sed -i 's/MUST-4/MUST-5/' "$scratch/copy/Tests/A.swift" && broken 'R9293-MUST-4 is called done, but no test'
  broken 'R9293-MUST-5 is unknown'
  fresh_copy && sed -i '/@Test/d' "$scratch/copy/Tests/A.swift" && broken 'R9293-MUST-4 is called done, but no test'
  fresh_copy && sed -i 's/not yet tested//' "$scratch/copy/docs/requirements.md" && broken 'LC-2 is open, but the row gives no reason'
  fresh_copy && sed -i 's/| done |/| part |/' "$scratch/copy/docs/requirements.md" && broken 'does not say what is missing'
  fresh_copy && sed -i 's/| open |/| maybe |/' "$scratch/copy/docs/requirements.md" && broken 'unknown state'
  fresh_copy && sed -i 's/^| LC-2/| R9293-MUST-4/' "$scratch/copy/docs/requirements.md" && broken 'stands twice'
  fresh_copy && rm "$scratch/copy/Sources/A.swift" && broken 'which is not there'
  fresh_copy && echo '// LC-99' >"$scratch/copy/Sources/B.swift" && broken 'LC-99 is unknown'
  fresh_copy && echo '// LC-2' >>"$scratch/copy/Tests/A.swift" && broken 'LC-2 is open, but'
  fresh_copy && sed -i 's|`Tests/A.swift`|`Tests/Gone.swift`|' "$scratch/copy/docs/requirements.md" && broken 'names Tests/Gone.swift'
  say "check-requirements: the self-test finds all that it breaks"
}

case "${1:-}" in
  --self-test) self_test ;;
  --update) update && check "$root" ;;
  --list) check "$root" list || fail "docs/requirements.md and the tests disagree" ;;
  "") check "$root" || fail "docs/requirements.md and the tests disagree" ;;
  *) fail "unknown option $1" ;;
esac
