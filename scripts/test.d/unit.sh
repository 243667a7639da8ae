#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Pure logic, codecs and state machines: everything that needs neither nodes nor a browser.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/checks.sh"

# The scenarios are the kernel stage; the client's build tools have no tests.
cargo_tests unit --workspace --exclude mattx-scenarios --exclude mattx-wasm-bindgen --exclude mattx-precompress
check "wire codec in user space" make -s -C "$MATTX_ROOT/kernel/tests" test
(cd "$MATTX_ROOT" && cargo build --quiet -p mattx-lab --bins) || die "the lab does not build"
for script in "$MATTX_ROOT"/scripts/test.d/unit/*; do
	check "scripts: $(basename "$script")" "$script"
done
finish_checks
