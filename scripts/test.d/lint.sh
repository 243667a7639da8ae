#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Style and static analysis; a remark is a failure.
set -uo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/debian.sh"
. "$MATTX_ROOT/scripts/lib/kernels.sh"
. "$MATTX_ROOT/scripts/lib/checks.sh"
cd "$MATTX_ROOT" || exit 1

CARGO_DENY_VERSION=0.20.2

every_file_has_its_license() {
	local missing
	missing=$(git ls-files | grep -vE '(^|/)(LICENSE|Cargo\.lock|package-lock\.json|package\.json)$|\.(png|svg|json|ico|webp|woff2|mattx-rec)$' |
		while read -r file; do
			[ ! -f "$file" ] || sed -n 1,3p "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' || echo "$file"
		done)
	[ -z "$missing" ] || { printf 'no SPDX line in:\n%s\n' "$missing"; return 1; }
}

shell_scripts() {
	local files
	files=$(git ls-files | while read -r file; do
		case $file in
		*.sh) echo "$file" ;;
		*) [ -f "$file" ] && sed -n 1p "$file" | grep -qE '^#!.*(bash|/sh|busybox sh)' && echo "$file" ;;
		esac
	done)
	# shellcheck disable=SC2086 # a list
	shellcheck -x -S warning -e SC1091,SC2034,SC2187 $files
}

dependencies() {
	if [ "$(cargo-deny --version 2>/dev/null)" != "cargo-deny $CARGO_DENY_VERSION" ]; then
		# Its own release profile optimises for minutes what runs for a second here.
		CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 \
			cargo install --quiet --locked cargo-deny --version "$CARGO_DENY_VERSION" --root "$MATTX_CACHE/tools" \
			--target-dir "$CARGO_TARGET_DIR/cargo-deny" || return 1
		rm -rf "$CARGO_TARGET_DIR/cargo-deny"
	fi
	cargo deny --log-level error check licenses bans sources
}

# The advisory database is on the network; where that is out of reach, the check says so and passes no judgement.
advisories() {
	local log=$MATTX_CACHE/advisories.log
	if timeout 120 cargo deny fetch db >"$log" 2>&1; then
		check "advisories" cargo deny --log-level error check --disable-fetch advisories
	else
		printf '    advisories: not checked, the database cannot be reached from here\n'
	fi
}

# checkpatch.pl of the newest kernel's source package, unpacked once.
checkpatch() {
	local deb dir
	deb=$(kernel_deb "${KERNEL_SERIES##* }" source) || return 1
	dir=$MATTX_CACHE/checkpatch/$(basename "$deb" .deb)
	if [ ! -e "$dir/scripts/checkpatch.pl" ]; then
		rm -rf "$MATTX_CACHE/checkpatch"
		mkdir -p "$dir"
		dpkg-deb --fsys-tarfile "$deb" | tar -xO --wildcards './usr/src/linux-source-*.tar.xz' |
			in_tree "$MATTX_CACHE/build-tree" -- xz -dc |
			tar -x -C "$dir" --strip-components=1 --wildcards '*/scripts/checkpatch.pl' '*/scripts/spelling.txt' \
				'*/scripts/const_structs.checkpatch' '*/Documentation/dev-tools/checkpatch.rst' || return 1
	fi
	# Programs of user space have their own style.
	local files
	files=$(git ls-files 'kernel/*.[ch]' | grep -vE '^kernel/tests/|/wire_user\.h$')
	# Ignored everywhere: kvmalloc_obj() and its like, which 6.12 does not have. In compat.h and compat_names.h also what
	# they are for: comparisons with KERNEL_VERSION(), and functions whose parameters differ between versions.
	# shellcheck disable=SC2046 # file names without blanks
	{
		perl "$dir/scripts/checkpatch.pl" "${checkpatch_options[@]}" --ignore LINUX_VERSION_CODE,ALLOC_WITH_SIZEOF \
			$(grep -v '/compat' <<<"$files")
		perl "$dir/scripts/checkpatch.pl" "${checkpatch_options[@]}" --ignore LINUX_VERSION_CODE,ALLOC_WITH_SIZEOF,CONSTANT_COMPARISON,MACRO_WITH_FLOW_CONTROL \
			$(grep '/compat' <<<"$files")
	} 2>&1 | grep -v '^total:' | excepted >&2
	# No remark is left.
	[ "${PIPESTATUS[2]}" -eq 1 ]
}
checkpatch_options=(--no-tree --quiet --terse --show-types --file --max-line-length=100)

# excepted: remarks without those that are wrong at one place.
excepted() {
	grep -vE \
		-e '^kernel/(freeze|threads|homeward)\.c:[0-9]+: WARNING:ENOSYS:' `# in a register, not returned` \
		-e '^kernel/areas\.c:[0-9]+: WARNING:LINE_SPACING:' `# VMA_ITERATOR() is a declaration`
}

native_clippy() { cargo clippy --quiet --workspace --all-targets --exclude mattx-viz-client -- -D warnings; }

# Built, not only checked, as `cargo clippy` would do it: so nothing of Bevy is compiled for this check alone, which
# takes minutes. Warnings of an earlier build are told again.
wasm_clippy() {
	local said
	said=$(RUSTC_WORKSPACE_WRAPPER=clippy-driver cargo build --quiet -p mattx-viz-client --profile wasm-release \
		--target wasm32-unknown-unknown 2>&1) && ! grep -q '^warning' <<<"$said" && return 0
	printf '%s\n' "$said"
	return 1
}

client_logic_clippy() { cargo clippy --quiet -p mattx-viz-client --all-targets -- -D warnings; }

check "license lines" every_file_has_its_license
check "shellcheck" shell_scripts
check "rustfmt" cargo fmt --all --check
check "clippy" native_clippy
check "clippy, client logic" client_logic_clippy
check "clippy, wasm32" wasm_clippy
check "cargo deny" dependencies
advisories
check "kernel modules, W=1" "$MATTX_ROOT/scripts/build-kernel"
check "sparse" "$MATTX_ROOT/scripts/build-kernel" --check
check "checkpatch" checkpatch
finish_checks
