#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# about: the Rust toolchain that rust-toolchain.toml names
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

cd "$MATTX_ROOT"
wanted=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)
command -v cargo >/dev/null || [ ! -x "$HOME/.cargo/bin/cargo" ] ||
	die "cargo is in $HOME/.cargo/bin, which is not in PATH; add it and run again"
command -v cargo >/dev/null || die "Rust is not installed; install rustup (or a distribution's rustc and cargo $wanted or newer) and run again"
# With rustup, the first call in this folder fetches the pinned toolchain where it is missing.
version=$(rustc --version 2>"$MATTX_CACHE/rust.log" | awk '{print $2}') && [ -n "$version" ] ||
	die "Rust $wanted is not installed and could not be fetched; run 'rustup toolchain install $wanted --component rustfmt,clippy' where the network allows it"
if [ "$(printf '%s\n' "$wanted" "$version" | sort -V | sed -n 1p)" != "$wanted" ]; then
	die "Rust $version is too old; $wanted or newer is needed"
fi
for tool in rustfmt cargo-clippy; do
	"$tool" --version >/dev/null 2>&1 || die "$tool is missing from the Rust toolchain; run 'rustup component add rustfmt clippy' (or install your distribution's packages)"
done
