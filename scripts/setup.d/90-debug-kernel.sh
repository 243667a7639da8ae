#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# about: kernel with KASAN, lockdep, kmemleak and UBSAN, built from Debian's source (about 25 CPU minutes)
# inputs: lab/debug-kernel.config lab/kernels.lock lab/image/initramfs-init scripts/lib/initramfs.sh
# outputs: kernels/debug/initramfs kernels/debug/bzImage kernels/debug/build/Module.symvers
# only-when-asked
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/debian.sh"
. "$MATTX_ROOT/scripts/lib/kernels.sh"
. "$MATTX_ROOT/scripts/lib/initramfs.sh"

need_space 5000
series=${KERNEL_SERIES##* }
dir=$KERNELS/debug
tree=$MATTX_CACHE/build-tree
deb=$(kernel_deb "$series" source)
package=$(basename "$deb" | cut -d_ -f1)
# The compiled kernel is good for as long as source and configuration stay; the rest of the stage is cheap.
key=$(cat "$deb" "$MATTX_ROOT/lab/debug-kernel.config" | sha256sum | cut -d' ' -f1)
if [ ! -e "$dir/bzImage" ] || [ "$(cat "$dir/key" 2>/dev/null)" != "$key" ]; then
	new=$dir.new
	# An interrupted build goes on where it was.
	if [ "$(cat "$new/key" 2>/dev/null)" != "$key" ]; then
		rm -rf "$new"
		mkdir -p "$new/package" "$new/source" "$new/build"
		dpkg -x "$deb" "$new/package"
		in_tree "$tree" "$new" debug-kernel -- \
			tar -xJf "/debug-kernel/package/usr/src/$package.tar.xz" --strip-components=1 -C /debug-kernel/source
		rm -rf "$new/package"
		cp "$MATTX_ROOT/lab/debug-kernel.config" "$new/source/kernel/configs/mattx-debug.config"
		printf '%s\n' "$key" >"$new/key"
	fi
	log=$new/build.log
	say "compiling (log: $log)"
	# The stage runs beside other work: it takes what processor time is left.
	nice -n 10 true 2>/dev/null && renice -n 10 $$ >/dev/null 2>&1 || true
	in_tree "$tree" "$new" debug-kernel -- sh -ec '
		export KBUILD_BUILD_TIMESTAMP=1970-01-01 KBUILD_BUILD_USER=mattx KBUILD_BUILD_HOST=lab
		cd /debug-kernel/source
		[ -e ../build/.config ] || make -s O=/debug-kernel/build allnoconfig mattx-debug.config
		make -s O=/debug-kernel/build -j2 bzImage modules_prepare' >"$log" 2>&1 ||
		{ tail -n 20 "$log" >&2; die "the debug kernel does not build (whole log: $log)"; }
	cp "$new/build/vmlinux.symvers" "$new/build/Module.symvers"
	cp "$new/build/arch/x86/boot/bzImage" "$new/bzImage"
	cp "$new/build/include/config/kernel.release" "$new/release"
	# Modules are built with headers, Makefiles and host tools; the other gigabytes have done their work.
	find "$new/source" -mindepth 1 -maxdepth 1 -type d ! -name include ! -name arch ! -name scripts ! -name tools -exec rm -rf {} +
	find "$new/source/arch" -mindepth 1 -maxdepth 1 -type d ! -name x86 -exec rm -rf {} +
	find "$new/build" \( -name '*.o' -o -name '*.a' -o -name '*.cmd' -o -name 'vmlinux*' \) \
		! -path '*/scripts/*' ! -path '*/tools/*' ! -name vmlinux.symvers -delete
	rm -rf "$dir"
	mv "$new" "$dir"
fi
make_initramfs "$dir" "$(cat "$dir/release")"
