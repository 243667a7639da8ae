# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Which kernels the project builds for and boots: lab/kernels.lock pins each Debian package by version and hash.
# Needs env.sh and debian.sh.

KERNELS_LOCK=$MATTX_ROOT/lab/kernels.lock
# The stock series; "debug" is built by us from the source package of the newest one.
KERNEL_SERIES="6.12 7.2"
KERNELS=$MATTX_CACHE/kernels

# check_kernel_name NAME...: a wrong name is told before anything starts.
check_kernel_name() {
	local name
	for name in "$@"; do
		case " $KERNEL_SERIES debug " in
		*" $name "*) ;;
		*) die "there is no kernel \"$name\"; choose one of: $KERNEL_SERIES debug" ;;
		esac
	done
}

# kernel_locked SERIES ROLE: prints "PACKAGE VERSION SHA256" of the lock file.
kernel_locked() {
	awk -v s="$1" -v r="$2" '$1 == s && $2 == r {print $3, $4, $5}' "$KERNELS_LOCK"
}

# kernel_package SERIES ROLE RELEASE: the package that plays ROLE for a kernel RELEASE (e.g. 6.12.117+deb13).
kernel_package() {
	case $2 in
	image) echo "linux-image-$3-cloud-amd64" ;;
	binary) echo "linux-binary-$3-cloud-amd64" ;;
	modules) echo "linux-modules-$3-cloud-amd64" ;;
	base) echo "linux-base-$3-cloud-amd64" ;;
	headers) echo "linux-headers-$3-cloud-amd64" ;;
	common) echo "linux-headers-$3-common" ;;
	kbuild) echo "linux-kbuild-$3" ;;
	source) echo "linux-source-$1" ;;
	esac
}

# kernel_roles SERIES: the roles that the lock file has packages for. Newer series carry the kernel, its
# modules and their lists in three packages, older ones in one image package.
kernel_roles() {
	awk -v s="$1" '$1 == s {print $2}' "$KERNELS_LOCK"
}

# kernel_newest SERIES: prints the newest kernel release of a series in the package lists.
kernel_newest() {
	debian_apt apt-cache pkgnames "linux-image-$1." |
		sed -nE 's/^linux-image-(.*\+deb[0-9.]+)-cloud-amd64$/\1/p' | sort -V | tail -n 1
}

# kernel_newest_version PACKAGE: prints the newest version of PACKAGE.
kernel_newest_version() {
	debian_apt apt-cache madison "$1" | awk '{print $3}' | sort -V | tail -n 1
}

# kernel_deb SERIES ROLE: makes sure that the pinned package is downloaded and genuine; prints its path.
# When the archive has dropped the pinned version, the newest of the same series takes its place with a warning.
kernel_deb() {
	local series=$1 role=$2 package version hash file release
	read -r package version hash < <(kernel_locked "$series" "$role") ||
		die "$KERNELS_LOCK has no line \"$series $role\""
	file=$DEBIAN_STATE/archives/${package}_${version//:/%3a}_$(kernel_architecture "$role").deb
	if [ ! -e "$file" ]; then
		debian_lists >&2
		if ! debian_apt apt-cache madison "$package" | awk '{print $3}' | grep -qxF "$version"; then
			release=$(kernel_newest "$series")
			[ -n "$release" ] || die "Debian's archive has no kernel of series $series any more; see docs for moving to another series"
			package=$(kernel_package "$series" "$role" "$release")
			say "warning: $(kernel_locked "$series" "$role" | cut -d' ' -f1,2) left the archive; using $package instead (scripts/update-kernels pins it)" >&2
			version=$(kernel_newest_version "$package") hash=
			file=$DEBIAN_STATE/archives/${package}_${version//:/%3a}_$(kernel_architecture "$role").deb
		fi
		[ -e "$file" ] || debian_fetch "$package=$version" >&2
	fi
	if [ -n "$hash" ] && [ "$(sha256sum <"$file" | cut -d' ' -f1)" != "$hash" ]; then
		rm -f "$file"
		die "$package $version does not have the hash that lab/kernels.lock names; it was removed, run again to fetch it anew"
	fi
	printf '%s\n' "$file"
}

# kernel_architecture ROLE: packages without compiled parts are built once for all architectures.
kernel_architecture() {
	case $1 in common | source) echo all ;; *) echo amd64 ;; esac
}
