#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# about: pjdfstest, the test suite for file systems that the long run puts MattXFS through
# outputs: tools/bin/pjdfstest
# only-when-asked
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

version=0.2.2
# Another machine's C library must do, so none is needed. With a target named, this is not for the build's own programs.
target=x86_64-unknown-linux-gnu

need_space 800
build=$MATTX_CACHE/tools/build-posix-suite
mkdir -p "$build"
# A crate for access lists names libacl to the linker. What would need it is compiled on other systems only.
printf '!<arch>\n' >"$build/libacl.a"
# Checksums of the suite and of all it needs are in cargo's index and in the lock file that comes with it.
RUSTFLAGS="-C target-feature=+crt-static -L native=$build" \
	CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_STRIP=true \
	nice -n 5 cargo install --quiet pjdfstest --version "$version" --locked --target "$target" \
	--root "$MATTX_CACHE/tools" --target-dir "$build/target" ||
	die "pjdfstest $version could not be installed, see above; without network, run scripts/setup posix-suite once where crates can be fetched"
rm -rf "$build"
