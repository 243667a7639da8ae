#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# about: QEMU 9 or newer, the host's own or Debian's unpacked beside it

# outputs: tools/bin/mattx-qemu
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/debian.sh"

# QEMU 7 was seen to run stale code when several virtual processors patch kernel text.
minimum=9

mkdir -p "$MATTX_CACHE/tools/bin"
launcher=$MATTX_CACHE/tools/bin/mattx-qemu
host=$(command -v qemu-system-x86_64 || true)
if [ -n "$host" ]; then
	version=$("$host" --version | sed -nE 's/.*version ([0-9]+)\..*/\1/p')
	if [ "${version:-0}" -ge "$minimum" ]; then
		ln -sfn "$host" "$launcher"
		exit 0
	fi
fi
need_space 800
tree=$MATTX_CACHE/qemu
rm -rf "$tree.new"
debian_unpack "$tree.new" "$DEBIAN_SUITE" qemu-system-x86 seabios
rm -rf "$tree.new"/usr/share/{doc,man,info,locale} "$tree"
mv "$tree.new" "$tree"
# Its own loader and libraries, so that nothing of the host's takes part. $ORIGIN-relative, so that the cache may move.
cat >"$launcher.new" <<'LAUNCHER'
#!/bin/sh
tree=$(dirname "$(readlink -f "$0")")/../../qemu
exec "$tree/usr/lib64/ld-linux-x86-64.so.2" \
	--library-path "$tree/usr/lib/x86_64-linux-gnu:$tree/usr/lib/x86_64-linux-gnu/pulseaudio" \
	"$tree/usr/bin/qemu-system-x86_64" -L "$tree/usr/share/qemu" -L "$tree/usr/share/seabios" "$@"
LAUNCHER
chmod 755 "$launcher.new"
mv "$launcher.new" "$launcher"
"$launcher" --version >/dev/null || die "the unpacked QEMU does not run on this machine; install QEMU 9 or newer"
