#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# about: standard library of wasm32-unknown-unknown for the pinned Rust toolchain
#
# Where rustup can download, it does. Everywhere else the library is built once from its own source of exactly
# this compiler version, which Debian publishes as the package rust-src, and copied to where rustup would have
# put it; afterwards plain `cargo build --target wasm32-unknown-unknown` works, without unstable flags.
#
#   MATTX_RUST_STD_SRC=TARBALL   an archive of the compiler's library/ folder to use instead
#   MATTX_NO_RUSTUP=1            do not ask rustup
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/debian.sh"

target=wasm32-unknown-unknown
rustup_seconds=30
cd "$MATTX_ROOT"
sysroot=$(rustc --print sysroot) || die "rustc does not run here; install the Rust toolchain that rust-toolchain.toml names"
version=$(rustc -vV | sed -n 's/^release: //p')
library=$sysroot/lib/rustlib/$target/lib
work=$MATTX_CACHE/wasm-std

# probe: a small program compiles, so the library is there and belongs to this compiler.
probe() {
	local dir=$work/probe
	mkdir -p "$dir"
	printf '#[unsafe(no_mangle)] pub extern "C" fn f(n: u32) -> usize { format!("{n}").len() }\n' >"$dir/probe.rs"
	rustc --edition 2024 --target "$target" --crate-type cdylib -o "$dir/probe.wasm" "$dir/probe.rs" >"$dir/log" 2>&1
}

ask_rustup() {
	[ -z "${MATTX_NO_RUSTUP:-}" ] && command -v rustup >/dev/null && timeout "$rustup_seconds" rustup "$@" >"$work/rustup.log" 2>&1
}

# debian_rust_src DIR: unpacks the library source of exactly this compiler version below DIR. Debian keeps
# different versions in its suites, so all of them are asked.
debian_rust_src() {
	local mirror suite found
	mirror=$(debian_mirror)
	DEBIAN_STATE=$work/apt
	mkdir -p "$DEBIAN_STATE/empty" "$DEBIAN_STATE/lists/partial" "$DEBIAN_STATE/archives/partial"
	: >"$DEBIAN_STATE/status"
	for suite in trixie-backports bookworm-backports trixie forky sid; do
		printf 'deb [signed-by=%s] %s %s main\n' "$DEBIAN_KEYRING" "$mirror" "$suite"
	done >"$DEBIAN_STATE/sources.list"
	# A suite that is gone, or whose key this host does not know, only means one source less.
	debian_apt apt-get -qq update >"$work/apt.log" 2>&1 || true
	found=$(debian_apt apt-cache madison rust-src | awk '{print $3}' | grep -E "^${version//./\\.}\+" | sed -n 1p) || true
	[ -n "$found" ] || die "no Debian suite has rust-src $version any more; set MATTX_RUST_STD_SRC to an archive of that version's library/ folder, or run where rustup can download"
	rm -f "$DEBIAN_STATE"/archives/rust-src_*.deb
	debian_fetch "rust-src=$found"
	rm -rf "$1"
	dpkg -x "$DEBIAN_STATE"/archives/rust-src_*.deb "$1" || die "could not unpack rust-src into $1; is the disk full?"
	rm -rf "$DEBIAN_STATE"
}

mkdir -p "$work"
probe && exit 0
if ask_rustup target add "$target" && probe; then exit 0; fi

need_space 1200
source=$sysroot/lib/rustlib/src/rust
if [ ! -f "$source/library/std/Cargo.toml" ]; then
	if [ -n "${MATTX_RUST_STD_SRC:-}" ]; then
		mkdir -p "$source/library"
		tar -xf "$MATTX_RUST_STD_SRC" -C "$source/library" || die "$MATTX_RUST_STD_SRC is no readable archive"
	elif ! ask_rustup component add rust-src; then
		say "Rust library source from Debian"
		debian_rust_src "$work/deb"
		mkdir -p "$source"
		rm -rf "$source/library"
		cp -a "$work"/deb/usr/src/rustc-*/library "$source/library" ||
			die "cannot write below $sysroot; run as the user who owns the Rust toolchain"
		rm -rf "$work/deb"
	fi
fi

say "building the library for $target (once)"
dummy=$work/dummy
mkdir -p "$dummy/src"
printf '[package]\nname = "dummy"\nversion = "0.0.0"\nedition = "2024"\n[workspace]\n' >"$dummy/Cargo.toml"
printf '#![no_std]\n' >"$dummy/src/lib.rs"
cp "$MATTX_ROOT/rust-toolchain.toml" "$dummy/"
# force-unstable-if-unmarked keeps the library's private crates private and embed-bitcode lets link-time
# optimisation reach into it, as in the official build.
(cd "$dummy" && env -u RUSTC_WRAPPER RUSTC_BOOTSTRAP=1 CARGO_TARGET_DIR="$dummy/target" \
	CARGO_ENCODED_RUSTFLAGS=$'-Cembed-bitcode=yes\x1f-Zforce-unstable-if-unmarked' \
	nice -n 5 cargo build --release --quiet -Zbuild-std=std,panic_abort,proc_macro,test --target "$target") ||
	die "building the library failed, see above; the network is needed for its few dependencies"
mkdir -p "$library"
rm -f "$library"/*.rlib
cp "$dummy/target/$target/release/deps"/*.rlib "$library/"
rm -f "$library"/libdummy-*.rlib
rm -rf "$dummy/target"
probe || die "the library that was built does not work: $(sed -n 1p "$work/probe/log")"
