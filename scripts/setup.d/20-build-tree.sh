#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# about: Debian tree with the compilers and headers that kernel modules are built with
# inputs: lab/kernels.lock
# outputs: build-tree/usr/bin/gcc-14
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/debian.sh"
. "$MATTX_ROOT/scripts/lib/kernels.sh"

need_space 2500
tree=$MATTX_CACHE/build-tree
rm -rf "$tree.new"
# The first line builds modules, the second checks them, the third builds the debug kernel and images.
debian_unpack "$tree.new" "$DEBIAN_SUITE" \
	base-files bash coreutils sed grep gawk findutils dash perl make gcc-14 libc6-dev binutils diffutils kmod pahole libelf1t64 libssl3t64 \
	sparse python3-minimal \
	bison flex bc libelf-dev libssl-dev gzip xz-utils zstd e2fsprogs
ln -sf gawk "$tree.new/usr/bin/awk"
ln -sf gcc-14 "$tree.new/usr/bin/gcc"
for series in $KERNEL_SERIES; do
	for role in kbuild common headers; do
		deb=$(kernel_deb "$series" "$role")
		dpkg -x "$deb" "$tree.new" || die "could not unpack $deb; is the disk full?"
	done
done
rm -rf "$tree.new"/usr/share/{doc,man,info,locale} "$tree"
mv "$tree.new" "$tree"
