#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The 3D view in headless Chromium: on a simulated cluster, and on a real one.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/checks.sh"

check "the view builds" "$MATTX_ROOT/scripts/build-web"
for script in "$MATTX_ROOT"/viz-client/e2e/run "$MATTX_ROOT"/scripts/test.d/browser/*; do
	[ ! -f "$script" ] || check "browser: $(basename "$script")" "$script"
done
finish_checks
