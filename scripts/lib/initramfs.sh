# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# The lab's initramfs: busybox, the few modules that reach the disks, and lab/image/initramfs-init.
# Needs env.sh and debian.sh.

# make_initramfs KERNEL-DIR RELEASE: writes KERNEL-DIR/initramfs. A kernel without modules has all built in.
make_initramfs() {
	local dir=$1 release=$2 work=$1/initramfs.d module file base
	rm -rf "$work"
	mkdir -p "$work/bin" "$work/proc" "$work/sys" "$work/dev" "$work/modules"
	debian_busybox "$work/bin/busybox"
	: >"$work/modules/order"
	if [ -d "$dir/usr/lib/modules/$release/kernel" ]; then
		for module in virtio_blk virtio_net overlay; do
			in_tree "$MATTX_CACHE/build-tree" "$dir" kernel -- \
				modprobe -d /kernel -S "$release" --show-depends "$module"
		done | awk '$1 == "insmod" && !seen[$2]++ {print $2}' | while read -r file; do
			base=$(basename "$file" .xz)
			case $file in
			*.xz) in_tree "$MATTX_CACHE/build-tree" "$dir" kernel -- xz -dc "$file" >"$work/modules/$base" ;;
			*) cp "$dir/${file#/kernel/}" "$work/modules/$base" ;;
			esac
			printf '%s\n' "$base" >>"$work/modules/order"
		done
	fi
	install -m 755 "$MATTX_ROOT/lab/image/initramfs-init" "$work/init"
	(cd "$work" && find . | LC_ALL=C sort | ./bin/busybox cpio -o -H newc -R 0:0 2>/dev/null | gzip -1) >"$dir/initramfs.new"
	mv "$dir/initramfs.new" "$dir/initramfs"
	rm -rf "$work"
}

# debian_busybox TARGET: Debian's static busybox.
debian_busybox() {
	local tree=$DEBIAN_STATE/busybox
	if [ ! -x "$tree/usr/bin/busybox" ]; then
		debian_lists
		rm -rf "$tree"
		mkdir -p "$tree"
		debian_fetch busybox-static
		dpkg -x "$(find "$DEBIAN_STATE/archives" -name 'busybox-static_*.deb' | sort -V | tail -n 1)" "$tree"
		[ -x "$tree/usr/bin/busybox" ] || { mkdir -p "$tree/usr/bin" && cp "$tree/bin/busybox" "$tree/usr/bin/"; }
	fi
	cp "$tree/usr/bin/busybox" "$1"
}
