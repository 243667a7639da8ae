#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# about: stock Debian kernels of the lab's nodes, ready to boot
# inputs: lab/kernels.lock lab/image/initramfs-init scripts/lib/kernels.sh scripts/lib/initramfs.sh
# outputs: kernels/6.12/initramfs kernels/7.2/initramfs
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/debian.sh"
. "$MATTX_ROOT/scripts/lib/kernels.sh"
. "$MATTX_ROOT/scripts/lib/initramfs.sh"

# extract_vmlinux BZIMAGE TARGET: the ELF kernel inside a bzImage. QEMU boots it directly, which saves the
# decompression (seconds without hardware virtualisation). Offsets are those of the x86 boot protocol 2.08+.
extract_vmlinux() {
	local sectors offset length
	field() { od -An -t "u$2" -j "$(($1))" -N "$2" "$3" | tr -d ' '; }
	sectors=$(field 0x1f1 1 "$1")
	offset=$(((sectors + 1) * 512 + $(field 0x248 4 "$1")))
	# The payload ends with the four bytes of the uncompressed size.
	length=$(($(field 0x24c 4 "$1") - 4))
	dd if="$1" of="$2.payload" bs=1M iflag=skip_bytes,count_bytes skip="$offset" count="$length" status=none
	case $(od -An -t x1 -N 4 "$2.payload" | tr -d ' ') in
	28b52ffd) in_tree "$MATTX_CACHE/build-tree" -- zstd -dcq <"$2.payload" >"$2" ;;
	fd377a58) in_tree "$MATTX_CACHE/build-tree" -- xz -dcq <"$2.payload" >"$2" ;;
	1f8b08*) gzip -dc <"$2.payload" >"$2" ;;
	*) die "the kernel $1 is compressed in a way that this script does not know" ;;
	esac
	rm "$2.payload"
}

need_space 900
for series in $KERNEL_SERIES; do
	dir=$KERNELS/$series
	rm -rf "$dir.new"
	mkdir -p "$dir.new"
	for role in $(kernel_roles "$series" | grep -E '^(image|binary|modules|base)$'); do
		dpkg -x "$(kernel_deb "$series" "$role")" "$dir.new"
	done
	[ -d "$dir.new/usr/lib/modules" ] || mv "$dir.new/lib" "$dir.new/usr/"
	ln -sfn usr/lib "$dir.new/lib"
	release=$(basename "$dir.new"/usr/lib/modules/*)
	printf '%s\n' "$release" >"$dir.new/release"
	# Older packages keep the kernel in /boot, newer ones beside its modules.
	bzimage=$(find "$dir.new/" -name 'vmlinuz*' -type f | sed -n 1p)
	[ -n "$bzimage" ] || die "the packages of kernel $series hold no kernel"
	extract_vmlinux "$bzimage" "$dir.new/vmlinux"
	rm "$bzimage"
	in_tree "$MATTX_CACHE/build-tree" "$dir.new" kernel -- depmod -b /kernel "$release"
	make_initramfs "$dir.new" "$release"
	rm -rf "$dir.new/usr/share" "$dir.new/boot" "$dir"
	mv "$dir.new" "$dir"
done
