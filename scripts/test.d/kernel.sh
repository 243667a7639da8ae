#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Scenarios on virtual clusters of stock kernels.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/kernels.sh"
. "$MATTX_ROOT/scripts/lib/checks.sh"

# Their subject is how long something takes: they have the machine for themselves.
timed=(cluster viewers)

(cd "$MATTX_ROOT" && cargo build --quiet -p mattx-lab --bins) || die "the lab does not build"
read -ra kernels <<<"$(kernels_to_test)"
for kernel in "${kernels[@]}"; do
	"$MATTX_ROOT/scripts/build-kernel" "$kernel" || exit 1
done

beside=()
for file in "$MATTX_ROOT"/lab/scenarios/tests/*.rs; do
	name=$(basename "$file" .rs)
	case " ${timed[*]} " in
	*" $name "*) ;;
	*) beside+=(--test "$name") ;;
	esac
done

# A cluster mostly computes on one node at a time, and one processor is enough for that: two kernels take not much longer than one.
logs=$(mktemp -d)
trap 'rm -rf "$logs"' EXIT
running=()
for kernel in "${kernels[@]}"; do
	(
		scenarios "$kernel" --lib "${beside[@]}"
		finish_checks
	) >"$logs/$kernel" 2>&1 &
	running+=($!)
done
for i in "${!kernels[@]}"; do
	tail -n +1 --follow --pid="${running[i]}" "$logs/${kernels[i]}" | sed -u "s/^/${kernels[i]}  /"
	wait "${running[i]}" || checks_failed=1
done
for kernel in "${kernels[@]}"; do
	scenarios "$kernel" "${timed[@]/#/--test=}"
done
finish_checks
