#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# about: the Rust toolchain that rust-toolchain.toml names, or Debian's where there is none
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/debian.sh"

cd "$MATTX_ROOT"
wanted=$(sed -n 's/^channel = "\(.*\)"/\1/p' rust-toolchain.toml)

# debian_toolchain: Debian's newest toolchain, with the standard library of wasm32, in tools/rust. Its programs run by
# the loader and the libraries that they come with, so they run on older systems, too. What they build is linked by
# this machine's compiler against this machine's C library.
debian_toolchain() {
	local tree=$MATTX_CACHE/tools/rust suite=$DEBIAN_SUITE-backports program place
	need_space 2500
	say "Rust from Debian $suite"
	rm -rf "$tree" "$tree.new"
	debian_unpack "$tree.new" "$suite" rustc cargo rust-clippy rustfmt libstd-rust-dev-wasm32 lld
	# The C compiler is the one of this machine.
	rm -rf "$tree.new"/usr/{share,lib/gcc,libexec/gcc}
	mkdir "$tree.new/programs"
	# Some of them look for others beside the program that the kernel runs, which is the loader.
	cp -L "$tree.new/lib64/ld-linux-x86-64.so.2" "$tree.new/programs/loader"
	mv "$tree.new" "$tree"
	for program in rustdoc cargo cargo-clippy clippy-driver rustfmt cargo-fmt; do
		run_by_loader "$tree" "$tree/usr/bin/$program" "$tree/programs/$program"
	done
	# rustdoc looks for this one below the folder of the standard library.
	mv "$tree/usr/bin/rustc" "$tree/usr/lib/rustc"
	run_by_loader "$tree" "$tree/usr/lib/rustc" "$tree/programs/rustc"
	ln "$tree/programs/rustc" "$tree/usr/bin/rustc"
	# The linker of wasm32 is looked for here.
	place=$tree/usr/lib/rustlib/x86_64-unknown-linux-gnu/bin
	mkdir -p "$place"
	rm -f "$place/rust-lld"
	run_by_loader "$tree" "$(readlink -f "$tree/usr/bin/lld" || true)" "$place/rust-lld"
}

# run_by_loader TREE PROGRAM SCRIPT
run_by_loader() {
	# Not sh: Debian's drops variables like CARGO_BIN_EXE_mattx-discd, whose names are none for a shell.
	# shellcheck disable=SC2016 # for the shell that runs it
	printf '#!/bin/bash\nexec %q --argv0 "${0##*/}" --library-path %q %q "$@"\n' \
		"$1/programs/loader" "$1/usr/lib/x86_64-linux-gnu" "$2" >"$3"
	chmod 755 "$3"
}

# version: of the compiler there is; nothing where there is none. With rustup, the first call in this folder fetches the
# pinned toolchain where it is missing.
version() { rustc --version 2>"$MATTX_CACHE/rust.log" | awk '{print $2}'; }
# new_enough VERSION
new_enough() { [ -n "$1" ] && [ "$(printf '%s\n' "$wanted" "$1" | sort -V | sed -n 1p)" = "$wanted" ]; }

if ! command -v cargo >/dev/null || ! new_enough "$(version || true)"; then
	! command -v rustup >/dev/null ||
		die "Rust $wanted could not be fetched by rustup (its words: $MATTX_CACHE/rust.log); run 'rustup toolchain install $wanted --component rustfmt,clippy' where the network allows it"
	debian_toolchain
	new_enough "$(version || true)" ||
		die "Debian $DEBIAN_SUITE-backports has no Rust $wanted or newer that runs here (see $MATTX_CACHE/rust.log); install rustup and run again"
fi
for tool in rustfmt cargo-clippy; do
	"$tool" --version >/dev/null 2>&1 || die "$tool is missing from the Rust toolchain; run 'rustup component add rustfmt clippy' (or install your distribution's packages)"
done
