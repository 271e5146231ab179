#!/usr/bin/env bash
# Installs the Rust of the Cargo.toml's rust-version and makes it the default: usage: install-rust.sh [OPTIONS OF rustup toolchain install]
set -euo pipefail
cd "$(dirname "$0")/../.."
version=$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' Cargo.toml)
rustup toolchain install "$version" --profile minimal --no-self-update "$@"
rustup default "$version"
