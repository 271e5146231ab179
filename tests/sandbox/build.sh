#!/usr/bin/env bash
# Builds with Cargo, and at the same time, with Go and Python, the tools of the sandbox. At least every 10 s a line says that it still runs.
# usage: tests/sandbox/build.sh 'CARGO ARGUMENTS' ...     one argument for each run of Cargo
set -euo pipefail
cd "$(dirname "$0")/../.."
cargo=${CARGO:-cargo}
begin=$SECONDS

# A small test target brings in the development dependencies. So every crate has the features that it has in `make test`, which then doesn't
# compile it again.
first='build --workspace --bin sfe-sandbox --test sandbox --locked'

heartbeat() { while sleep 10; do echo "build: still running after $((SECONDS - begin)) s" >&2; done; }
# shellcheck disable=SC2086 # the arguments are words
compile() { for arguments in "$@"; do "$cargo" $arguments; done; }
tools() { target/debug/sfe-sandbox prepare || { kill -- "-$compiles"; exit 1; }; }

# Each job is a process group of its own, so that one that fails, or an interrupt, ends the others with all that they run.
set -m
heartbeat &
beats=$!
compiles='' prepares=''
end() { for group in $beats $compiles $prepares; do kill -- "-$group" 2>/dev/null || true; done; }
trap end EXIT
trap 'exit 130' INT TERM
compile "$first" &
compiles=$!
wait "$compiles"
compile "$@" &
compiles=$!
tools &
prepares=$!
wait "$compiles"
compiles=''
wait "$prepares"
prepares=''
echo "build: done after $((SECONDS - begin)) s" >&2
