#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Scenarios on virtual clusters of stock kernels.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/kernels.sh"
. "$MATTX_ROOT/scripts/lib/checks.sh"

(cd "$MATTX_ROOT" && cargo build --quiet -p mattx-lab --bins) || die "the lab does not build"
for kernel in $(kernels_to_test); do
	"$MATTX_ROOT/scripts/build-kernel" "$kernel" || exit 1
	scenarios "$kernel"
done
finish_checks
