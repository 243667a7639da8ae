#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Soaks and long fuzzing: the tests marked #[ignore] with a reason, on each kernel.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/kernels.sh"
. "$MATTX_ROOT/scripts/lib/checks.sh"

cargo_tests long --workspace --exclude mattx-scenarios -- --ignored
(cd "$MATTX_ROOT" && cargo build --quiet -p mattx-lab --bins) || die "the lab does not build"
for kernel in $(kernels_to_test); do
	"$MATTX_ROOT/scripts/build-kernel" "$kernel" || exit 1
	scenarios "$kernel" -- --ignored
done
finish_checks
