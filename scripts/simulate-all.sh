#!/usr/bin/env bash
# Simulates thousands of paths in virtual time and checks what must hold on all of them: every octet
# arrives, congestion windows are as the RFCs' formulas say, flows share, reordering costs little, a
# lost tail needs no timeout. Prints a table; the exit code is 1 when a rule is broken. Needs no
# right and no network. Arguments go to `tunstack lab sweep`.
#
#   scripts/simulate-all.sh            all cases and 20,000 paths
#   scripts/simulate-all.sh --quick    a part of them, in less than a minute
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

if [ -z "${TUNSTACK:-}" ]; then
  find_swift
  share_build_with_owner
  trap return_build_to_owner EXIT
  cd "$root"
  swift build -c release --product tunstack
  TUNSTACK="$(swift build -c release --show-bin-path)/tunstack"
fi
# A simulation that runs away must not take the machine with it: 8 GB of addresses, 2 hours.
ulimit -v 8000000
timeout --kill-after=10 7200 "$TUNSTACK" lab sweep "$@"
