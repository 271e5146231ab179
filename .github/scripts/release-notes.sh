#!/usr/bin/env bash
# Prints what CHANGELOG.md says of a release: usage: release-notes.sh TAG
# Fails unless the tag is the version of Cargo.toml and of the chart, and the changelog has a section of it.
set -euo pipefail
tag=${1:?usage: release-notes.sh TAG}
version=${tag#v}
cd "$(dirname "$0")/../.."

fail() {
  printf 'release %s failed: %s\nhint: %s\n' "$tag" "$1" "$2" >&2
  exit 1
}

[[ $tag == "v$version" ]] || fail "the tag does not start with v" "tag it v$version"
for found in "Cargo.toml:version = \"$version\"" "charts/stepfunction-endpoint/Chart.yaml:version: $version" \
  "charts/stepfunction-endpoint/Chart.yaml:appVersion: $version"; do
  grep --quiet --line-regexp --fixed-strings "${found#*:}" "${found%%:*}" || fail "${found%%:*} lacks the line '${found#*:}'" "set it, then tag again"
done
notes=$(awk -v heading="## $version " 'index($0 " ", heading) == 1 { found = 1; next } /^## / { found = 0 } found' CHANGELOG.md)
[[ -n ${notes//[[:space:]]/} ]] || fail "CHANGELOG.md has no section of it" "rename '## Unreleased' to '## $version - <date>', then tag again"
printf '%s\n' "$notes"
