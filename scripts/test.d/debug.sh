#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The scenarios on a kernel with KASAN, lockdep, kmemleak and UBSAN.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/kernels.sh"
. "$MATTX_ROOT/scripts/lib/checks.sh"
. "$MATTX_ROOT/scripts/lib/scenarios.sh"

(cd "$MATTX_ROOT" && cargo build --quiet -p mattx-lab --bins) || die "the lab does not build"
"$MATTX_ROOT/scripts/build-kernel" debug || exit 1
scenarios debug
finish_checks
