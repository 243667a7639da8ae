# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Common ground of all scripts: where things live and how they speak.
# Source it; it changes no state but the environment of the caller.

MATTX_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
MATTX_CACHE=${MATTX_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mattx}
# Build output lives in the cache too, so that a fresh clone on a machine that built before is warm.
CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-$MATTX_CACHE/target}
export MATTX_ROOT MATTX_CACHE CARGO_TARGET_DIR
# Tools that setup builds (trunk, wasm-bindgen, ...) come before those of the system.
case ":$PATH:" in
*":$MATTX_CACHE/tools/bin:"*) ;;
*) export PATH="$MATTX_CACHE/tools/bin:$PATH" ;;
esac

# Rust as rustup installs it, in a shell that was open before; else Debian's, which setup unpacks where there is none.
case ":$PATH:" in
*":$HOME/.cargo/bin:"*) ;;
*) export PATH="$PATH:$HOME/.cargo/bin" ;;
esac
case ":$PATH:" in
*":$MATTX_CACHE/tools/rust/programs:"*) ;;
*) command -v rustup >/dev/null || export PATH="$MATTX_CACHE/tools/rust/programs:$PATH" ;;
esac

# say TEXT: a line of progress. Colour only where a person looks at it.
say() {
	if [ -t 1 ]; then printf '\033[1m==>\033[0m %s\n' "$*"; else printf '==> %s\n' "$*"; fi
}

# die TEXT: one sentence of what failed and what to do, then a failing exit.
die() {
	printf 'error: %s\n' "$*" >&2
	exit 1
}

# stage NAME COMMAND...: runs COMMAND and prints how long it took; a failure names the stage.
stage() {
	local name=$1 begin=$SECONDS status=0
	shift
	say "$name"
	"$@" || status=$?
	if [ "$status" -ne 0 ]; then
		printf 'error: stage "%s" failed with status %d after %d s\n' "$name" "$status" $((SECONDS - begin)) >&2
		return "$status"
	fi
	printf '    %s: %d s\n' "$name" $((SECONDS - begin))
}

# need_space MEBIBYTES: a full disk is told before the work, not by a half-written file.
need_space() {
	local free
	mkdir -p "$MATTX_CACHE" 2>/dev/null || die "cannot create the cache folder $MATTX_CACHE; set MATTX_CACHE to a writable place"
	free=$(df -Pm "$MATTX_CACHE" | awk 'NR==2 {print $4}')
	[ "$free" -ge "$1" ] || die "$MATTX_CACHE has $free MiB free but $1 MiB are needed; free some space or set MATTX_CACHE to another disk"
}
