#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# about: what drives Chromium in the browser tests, at the versions of viz-client/e2e/package-lock.json
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

e2e=$MATTX_ROOT/viz-client/e2e
[ -e "$e2e/package-lock.json" ] || exit 0
# npm leaves this file behind with what it has installed.
if [ "$e2e/node_modules/.package-lock.json" -nt "$e2e/package-lock.json" ]; then exit 0; fi
# The driver's own browser downloads are not wanted: tests use the system's Chromium.
log=$MATTX_CACHE/npm.log
PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --prefix "$e2e" --no-audit --no-fund >"$log" 2>&1 ||
	{ tail -n 5 "$log" >&2; die "npm could not install the browser driver (whole log: $log); check the network and run again"; }
