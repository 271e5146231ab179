#!/usr/bin/env bash
# Packages the chart for a GitHub repository and prints the package's path: usage: package-chart.sh HELM OWNER/REPOSITORY DIRECTORY
# The chart in this tree names neither an image that exists nor the pages of the project, as both depend on where it is released.
set -euo pipefail
helm=${1:?usage: package-chart.sh HELM OWNER/REPOSITORY DIRECTORY}
repository=${2:?usage: package-chart.sh HELM OWNER/REPOSITORY DIRECTORY}
directory=${3:?usage: package-chart.sh HELM OWNER/REPOSITORY DIRECTORY}
owner=${repository%%/*}
chart=$directory/stepfunction-endpoint
mkdir -p "$directory"
cp -R "$(dirname "$0")/../../charts/stepfunction-endpoint" "$directory"

# fill FILE FROM TO: replaces text that must be there.
fill() {
  grep --quiet --fixed-strings "$2" "$chart/$1" || { echo "packaging failed: $1 does not contain $2" >&2; exit 1; }
  sed "s|$2|$3|g" "$chart/$1" >"$directory/filled"
  mv "$directory/filled" "$chart/$1"
}

# A registry takes lower case alone.
fill values.yaml "repository: registry.invalid/sfe" "repository: ghcr.io/$(printf %s "$owner" | tr '[:upper:]' '[:lower:]')/sfe"
fill Chart.yaml "OWNER/REPOSITORY" "$repository"
"$helm" package "$chart" --destination "$directory" >&2
ls "$directory"/stepfunction-endpoint-*.tgz
