#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# about: read-only disk with the user land of the lab's nodes
# inputs: lab/image/node-init lab/kernels.lock
# outputs: node-image/root.ext4
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"
. "$MATTX_ROOT/scripts/lib/debian.sh"
. "$MATTX_ROOT/scripts/lib/kernels.sh"

need_space 1500
out=$MATTX_CACHE/node-image
tree=$out/tree
rm -rf "$tree"
mkdir -p "$out"
debian_unpack "$tree" "$DEBIAN_SUITE" \
	base-files base-passwd bash coreutils dash sed grep mawk findutils util-linux mount procps psmisc kmod \
	bsdutils sysvinit-utils hostname iproute2 iputils-ping netcat-openbsd curl python3-minimal libpython3-stdlib strace \
	libgcc-s1 libstdc++6 libgomp1 zlib1g attr \
	git sqlite3 gcc libc6-dev make e2fsprogs \
	systemd udev

# What the packages' maintainer scripts would have done, as far as nodes need it.
cp "$tree/usr/share/base-passwd/passwd.master" "$tree/etc/passwd"
cp "$tree/usr/share/base-passwd/group.master" "$tree/etc/group"
echo 'user:x:1000:1000:Ordinary user:/home/user:/bin/bash' >>"$tree/etc/passwd"
echo 'user:x:1000:' >>"$tree/etc/group"
mkdir -p "$tree/home/user" "$tree/mattxfs" "$tree/mnt"
ln -sf mawk "$tree/usr/bin/awk"
ln -sf dash "$tree/usr/bin/sh"
[ -e "$tree/usr/bin/nc" ] || ln -s nc.openbsd "$tree/usr/bin/nc"
echo 'hosts: files' >"$tree/etc/nsswitch.conf"
{
	echo '127.0.0.1 localhost'
	for i in $(seq 1 32); do echo "10.77.0.$i node$i"; done
} >"$tree/etc/hosts"
# Nodes that boot as a real machine does: what our units need is there; terminals to log in at, and time, are not.
ln -sf multi-user.target "$tree/usr/lib/systemd/system/default.target"
for unit in getty.target systemd-timesyncd.service systemd-firstboot.service systemd-hwdb-update.service systemd-update-utmp.service \
	systemd-binfmt.service systemd-networkd.service systemd-networkd.socket ldconfig.service; do
	ln -sf /dev/null "$tree/etc/systemd/system/$unit"
done
rm -rf "$tree"/usr/share/{doc,man,info,locale,i18n,bug,lintian,perl,zoneinfo} "$tree"/var/cache/* \
	"$tree/usr/lib/x86_64-linux-gnu/gconv" "$tree"/usr/lib/x86_64-linux-gnu/perl*
# Of git and gcc what a clone and a build of C need: no perl, no remote repositories, no sanitizers, no optimization at link time.
rm -rf "$tree"/usr/bin/{perl*,git-shell,scalar,*gp-*,*lto-dump*} "$tree"/usr/lib/x86_64-linux-gnu/{libperl*,gprofng} \
	"$tree"/usr/lib/x86_64-linux-gnu/lib{asan,hwasan,lsan,tsan,ubsan,gprofng}* \
	"$tree"/usr/lib/git-core/{git-remote-*,git-http-*,git-imap-send,git-shell,git-daemon,scalar} \
	"$tree"/usr/libexec/gcc/x86_64-linux-gnu/14/lto1 "$tree"/usr/lib/gcc/x86_64-linux-gnu/14/{lib*san*,plugin}
install -m 755 "$MATTX_ROOT/lab/image/node-init" "$tree/usr/sbin/lab-init"
# Modules of the stock kernels, so that nodes can modprobe what a real machine can.
for series in $KERNEL_SERIES; do
	mkdir -p "$tree/usr/lib/modules"
	cp -a "$KERNELS/$series"/usr/lib/modules/* "$tree/usr/lib/modules/"
done
# Compiled Python saves seconds at every start of an emulated processor.
in_tree "$tree" -- python3 -m compileall -q /usr/lib/python3 /usr/lib/python3.13 >/dev/null 2>&1 || true
for dir in proc sys dev run tmp; do rmdir "$tree/$dir" 2>/dev/null || true; mkdir -p "$tree/$dir"; done
chmod 1777 "$tree/tmp"
chown -R 1000:1000 "$tree/home/user" 2>/dev/null || true

size=$(($(du -sm "$tree" | cut -f1) * 12 / 10 + 16))
rm -f "$out/root.ext4.new"
in_tree "$MATTX_CACHE/build-tree" "$out" image -- \
	mke2fs -q -t ext4 -O ^has_journal -m 0 -N 30000 -d /image/tree /image/root.ext4.new "${size}M" ||
	die "could not make the node's disk image; is the disk full?"
mv "$out/root.ext4.new" "$out/root.ext4"
rm -rf "$tree"
