#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Soaks and long fuzzing: the tests marked #[ignore] with a reason, on each kernel; and on all but the newest kernel the
# scenarios that otherwise run on that one only.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/kernels.sh"
. "$MATTX_ROOT/scripts/lib/checks.sh"
. "$MATTX_ROOT/scripts/lib/scenarios.sh"

cargo_tests long --workspace --exclude mattx-scenarios -- --ignored
check "wire codec in user space, for minutes" make -s -C "$MATTX_ROOT/kernel/tests" test FUZZ_ROUNDS=4000000
(cd "$MATTX_ROOT" && cargo build --quiet -p mattx-lab --bins) || die "the lab does not build"
"$MATTX_ROOT/scripts/setup" posix-suite || exit 1
for kernel in $(kernels_to_test); do
	"$MATTX_ROOT/scripts/build-kernel" "$kernel" || exit 1
	# What they measured is of interest also when it is good.
	scenarios "$kernel" -- --ignored --show-output
	for name in "${newest_only_scenarios[@]}"; do
		[ "$kernel" = "${KERNEL_SERIES##* }" ] || scenarios "$kernel" --test "$name"
	done
done
# Not a check() of its own: its figures are of interest when it passes, too.
if (cd "$MATTX_ROOT" && cargo bench --quiet -p mattx-viz --bench load -- --seconds 600); then
	echo "load ok" >>"$MATTX_RESULTS"
else
	echo "load FAILED" >>"$MATTX_RESULTS"
	checks_failed=1
fi
check "the view builds" "$MATTX_ROOT/scripts/build-web"
"$MATTX_ROOT/scripts/setup" browser || exit 1
browser_soak() { MATTX_VIZ=$CARGO_TARGET_DIR/debug/mattx-viz node "$MATTX_ROOT/viz-client/e2e/soak.mjs" 60; }
check "browser: budgets and pictures" "$MATTX_ROOT/viz-client/e2e/run" --long
check "browser: an hour of a kiosk" browser_soak
check "ten demonstrations leave nothing behind" "$MATTX_ROOT/scripts/test.d/long/demos"
finish_checks
