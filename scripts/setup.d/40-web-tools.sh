#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# about: programs that build the browser client: trunk, wasm-bindgen, precompression
# inputs: viz-client/tools/bindgen/src/main.rs viz-client/tools/bindgen/build.rs viz-client/tools/precompress/src/main.rs
# outputs: tools/bin/trunk tools/bin/wasm-bindgen tools/bin/mattx-precompress
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

trunk_version=0.21.14

need_space 3000
cd "$MATTX_ROOT"
mkdir -p "$MATTX_CACHE/tools/bin"
nice -n 5 cargo build --locked --quiet -p mattx-wasm-bindgen -p mattx-precompress ||
	die "the build tools of the browser client do not compile, see above; without network, run scripts/setup once where crates can be fetched"
# trunk looks for the program under this name; the crate cannot have it, because rustc refuses old versions by name.
install -m 755 "$CARGO_TARGET_DIR/debug/mattx-wasm-bindgen" "$MATTX_CACHE/tools/bin/wasm-bindgen"
install -m 755 "$CARGO_TARGET_DIR/debug/mattx-precompress" "$MATTX_CACHE/tools/bin/mattx-precompress"

if [ "$("$MATTX_CACHE/tools/bin/trunk" --version 2>/dev/null)" != "trunk $trunk_version" ]; then
	say "trunk $trunk_version"
	# It downloads nothing here, so it needs no TLS; its own profile (fat LTO) would cost many minutes.
	CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
		nice -n 5 cargo install --quiet trunk --version "$trunk_version" --locked --no-default-features \
		--root "$MATTX_CACHE/tools" --target-dir "$MATTX_CACHE/tools/build" ||
		die "trunk $trunk_version could not be installed, see above"
	rm -rf "$MATTX_CACHE/tools/build"
fi
