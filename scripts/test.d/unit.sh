#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Pure logic, codecs and state machines: everything that needs neither nodes nor a browser.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/checks.sh"

# The scenarios are the kernel stage; the client's build tools have no tests.
cargo_tests unit --workspace --exclude mattx-scenarios
for script in "$MATTX_ROOT"/kernel/tests/run "$MATTX_ROOT"/kernel/test/run; do
	[ ! -x "$script" ] || check "kernel code in user space" "$script"
done
finish_checks
