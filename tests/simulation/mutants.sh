#!/usr/bin/env bash
# The simulation can fail: each patch in mutants/ breaks the engine on purpose, and some life among the first 500 must break a promise by it.
# Prints a table: what was broken, the first seed that tells, and the promise. Names as arguments choose some of the patches.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=$PWD work=$PWD/target/mutants/work log=$PWD/target/mutants/log
rm -rf "$work" && mkdir -p "$work"
git ls-files -z | tar --null --files-from=- --create | tar --extract --directory "$work"
# A target of its own: the one of the project keeps the real operator.
export CARGO_TARGET_DIR=$root/target/mutants/build SFE_SEEDS=${SFE_SEEDS:-500}
names=("$@")
if [ ${#names[@]} -eq 0 ]; then
  for patch in tests/simulation/mutants/*.patch; do names+=("$(basename "$patch" .patch)"); done
fi
run() { (cd "$work" && cargo test --locked --quiet --test simulation no_promise) >"$log" 2>&1; }
survivors=0
printf '| what is broken | first seed | the promise |\n|---|---|---|\n'
for name in "${names[@]}"; do
  patch=tests/simulation/mutants/$name.patch
  patch --directory "$work" --strip 1 --fuzz 0 --quiet <"$patch"
  if run; then
    told="survives $SFE_SEEDS seeds |" survivors=$((survivors + 1))
  elif told=$(grep --max-count 1 --extended-regexp '^seed [0-9]+: ' "$log"); then
    told=$(sed --regexp-extended 's/^seed ([0-9]+): (.*)/\1 | \2/; s/id[0-9]+|sfe-prod-//g' <<<"${told:0:180}")
  else
    echo "$name can't be built or run:" && tail -40 "$log" && exit 1
  fi
  patch --directory "$work" --strip 1 --fuzz 0 --quiet --reverse <"$patch"
  echo "| $(head -1 "$patch") | $told |"
done
if [ "$survivors" -gt 0 ]; then
  echo "$survivors mutants survive: the simulation lacks a promise or a fault" && exit 1
fi
