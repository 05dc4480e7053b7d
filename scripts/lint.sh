#!/usr/bin/env bash
# Checks the form of the code: swift format with the repository's configuration, and the shell
# scripts' syntax. Changes nothing; `scripts/lint.sh --fix` formats in place first.
set -euo pipefail
source "$(dirname "${BASH_SOURCE[0]}")/environment.sh"

find_swift
cd "$root"
swift_code=(Sources Tests Package.swift)
[ -d Benchmarks ] && swift_code+=(Benchmarks/Package.swift Benchmarks/Sources)

if [ "${1:-}" = --fix ]; then
  swift format format --in-place --parallel --recursive "${swift_code[@]}"
fi
swift format lint --strict --parallel --recursive "${swift_code[@]}"

for script in scripts/*.sh .ci/run; do bash -n "$script"; done
if command -v shellcheck >/dev/null; then
  shellcheck --external-sources --exclude=SC1091 scripts/*.sh .ci/run
fi
say "lint: nothing to say"
