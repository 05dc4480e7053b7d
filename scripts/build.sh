#!/usr/bin/env bash
# Builds everything in release mode and says where the tool is. Needs a Swift toolchain, nothing
# else; run it from any folder, as often as you like.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

find_swift
share_build_with_owner
trap return_build_to_owner EXIT
cd "$root"
swift build -c release "$@"
say "built $(swift build -c release --show-bin-path)/tunstack"
