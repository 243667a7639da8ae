#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Scenarios on virtual clusters of stock kernels.
#
#   kernel.sh                       all that run by default
#   kernel.sh --one KERNEL SCENARIO   one program of lab/scenarios/tests
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/kernels.sh"
. "$MATTX_ROOT/scripts/lib/checks.sh"
. "$MATTX_ROOT/scripts/lib/scenarios.sh"

# Four times what the longest takes: what hangs is told, and does not keep the others from running.
tests_limit=1500

if [ "${1:-}" = --one ]; then
	begin=$SECONDS
	log=$(mktemp)
	(scenarios "$2" --test "$3" && finish_checks) >"$log" 2>&1
	status=$?
	# In one piece, although another one may end at the same time.
	exec 9<"$0"
	flock 9
	printf '%s  %s: %d s\n' "$2" "$3" $((SECONDS - begin))
	sed -nE "/^test .* has been running|^ +(Finished|Running|Blocking) |^test result: ok/d; s/^/$2  /p" "$log"
	rm -f "$log"
	exit "$status"
fi

(cd "$MATTX_ROOT" && cargo build --quiet -p mattx-lab --bins && cargo test --quiet -p mattx-scenarios --no-run) ||
	die "the lab does not build"
read -ra kernels <<<"$(kernels_to_test)"
for kernel in "${kernels[@]}"; do
	"$MATTX_ROOT/scripts/build-kernel" "$kernel" || exit 1
done

# A cluster mostly computes on one node at a time, and one processor is enough for that: two scenarios at once.
for name in $(all_scenarios); do
	for kernel in "${kernels[@]}"; do
		is_among "$name" "${timed_scenarios[@]}" || ! runs_by_default "$name" "$kernel" || echo "$kernel $name"
	done
done | xargs -P 2 -L 1 bash "$0" --one || checks_failed=1
for kernel in "${kernels[@]}"; do
	for name in "${timed_scenarios[@]}"; do
		! runs_by_default "$name" "$kernel" || bash "$0" --one "$kernel" "$name" || checks_failed=1
	done
done
finish_checks
