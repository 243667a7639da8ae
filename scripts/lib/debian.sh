# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Debian packages as plain archives: resolved and verified by apt, unpacked by dpkg, never installed.
# So the lab gets kernels, compilers and a node user land of Debian trixie on any host, without root.
# Needs env.sh. apt's state for this lives in the cache and never touches the host's.

DEBIAN_SUITE=trixie
DEBIAN_STATE=$MATTX_CACHE/debian
DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
# A package list older than this is fetched again before something new is downloaded.
DEBIAN_LISTS_MINUTES=720

# debian_mirror: prints the archive that this host itself uses.
debian_mirror() {
	if [ -n "${MATTX_DEBIAN_MIRROR:-}" ]; then
		printf '%s\n' "${MATTX_DEBIAN_MIRROR%/}"
		return
	fi
	local uri
	uri=$(_apt_uris | sed -nE '/\/debian$/ {p;q}')
	[ -n "$uri" ] || die "the host's apt configuration names no Debian archive; set MATTX_DEBIAN_MIRROR to the base address of one (it ends in /debian)"
	printf '%s\n' "$uri"
}

# debian_security_mirror: prints the archive of security updates, nothing when none is known.
debian_security_mirror() {
	if [ -n "${MATTX_DEBIAN_SECURITY_MIRROR:-}" ]; then
		printf '%s\n' "${MATTX_DEBIAN_SECURITY_MIRROR%/}"
	elif [ -n "${MATTX_DEBIAN_MIRROR:-}" ]; then
		printf '%s\n' "${MATTX_DEBIAN_MIRROR%/}-security"
	else
		_apt_uris | sed -nE '/\/debian-security$/ {p;q}'
	fi
}

# _apt_uris: every archive address of the host's apt configuration, one a line, without trailing slash.
_apt_uris() {
	cat /etc/apt/sources.list /etc/apt/sources.list.d/*.list /etc/apt/sources.list.d/*.sources 2>/dev/null |
		sed -e 's/#.*//' | grep -oE 'https?://[^] ]+' | sed -e 's:/*$::' || true
}

# debian_apt COMMAND...: apt-get or apt-cache on our own state. The empty status file makes apt resolve
# every dependency as on a machine without any package.
debian_apt() {
	local command=$1
	shift
	"$command" \
		-o "Dir::Etc::sourcelist=$DEBIAN_STATE/sources.list" -o "Dir::Etc::sourceparts=$DEBIAN_STATE/empty" \
		-o Dir::Etc::preferences=/nonexistent -o "Dir::Etc::preferencesparts=$DEBIAN_STATE/empty" \
		-o "Dir::State=$DEBIAN_STATE" -o "Dir::State::Lists=$DEBIAN_STATE/lists" \
		-o "Dir::State::status=$DEBIAN_STATE/status" -o "Dir::Cache=$DEBIAN_STATE" \
		-o APT::Architecture=amd64 -o APT::Architectures::=amd64 \
		-o APT::Install-Recommends=false -o APT::Install-Suggests=false \
		-o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=true \
		-o Acquire::Languages=none -o Acquire::Retries=3 -o Acquire::http::Timeout=30 \
		-o Acquire::IndexTargets::deb::DEP-11::DefaultEnabled=false \
		-o Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled=false \
		"$@"
}

# debian_lists: makes sure that package lists are there and not too old.
debian_lists() {
	local mirror security log
	for tool in apt-get apt-cache dpkg; do
		command -v "$tool" >/dev/null || die "$tool is not installed; the lab unpacks Debian packages with apt and dpkg, please install them"
	done
	[ -r "$DEBIAN_KEYRING" ] || die "$DEBIAN_KEYRING is missing, so Debian's signatures cannot be verified; install the package debian-archive-keyring"
	mirror=$(debian_mirror) || exit 1
	security=$(debian_security_mirror)
	mkdir -p "$DEBIAN_STATE/empty" "$DEBIAN_STATE/lists/partial" "$DEBIAN_STATE/archives/partial"
	: >"$DEBIAN_STATE/status"
	{
		for suite in "$DEBIAN_SUITE" "$DEBIAN_SUITE-backports"; do
			printf 'deb [signed-by=%s] %s %s main\n' "$DEBIAN_KEYRING" "$mirror" "$suite"
		done
		[ -z "$security" ] || printf 'deb [signed-by=%s] %s %s-security main\n' "$DEBIAN_KEYRING" "$security" "$DEBIAN_SUITE"
	} >"$DEBIAN_STATE/sources.list.new"
	if cmp -s "$DEBIAN_STATE/sources.list.new" "$DEBIAN_STATE/sources.list" &&
		[ -n "$(find "$DEBIAN_STATE/lists/stamp" -mmin -$DEBIAN_LISTS_MINUTES 2>/dev/null)" ]; then
		return 0
	fi
	mv "$DEBIAN_STATE/sources.list.new" "$DEBIAN_STATE/sources.list"
	say "Debian $DEBIAN_SUITE package lists"
	log=$DEBIAN_STATE/update.log
	if ! debian_apt apt-get -qq -o APT::Update::Error-Mode=any update >"$log" 2>&1; then
		if grep -q NO_PUBKEY "$log"; then
			die "the host's debian-archive-keyring is too old to know the keys of $DEBIAN_SUITE; upgrade that package"
		fi
		die "the package lists of $mirror could not be fetched; check the network (or set MATTX_DEBIAN_MIRROR) and run again; apt's words are in $log"
	fi
	touch "$DEBIAN_STATE/lists/stamp"
}

# debian_fetch PACKAGE=VERSION...: downloads single packages (no dependencies) into the archive folder.
debian_fetch() {
	(cd "$DEBIAN_STATE/archives" && debian_apt apt-get -qq download "$@") ||
		die "could not download $*; check the network and the space below $MATTX_CACHE, then run again"
}

# debian_unpack DIR SUITE PACKAGE...: PACKAGEs with all they depend on, unpacked into DIR as a merged-/usr tree.
# No maintainer script runs; callers configure what they need.
debian_unpack() {
	local dir=$1 suite=$2 plan file
	shift 2
	debian_lists
	plan=$(debian_apt apt-get -t "$suite" -y -qq -s install "$@") ||
		die "apt cannot resolve the packages: $*"
	debian_apt apt-get -t "$suite" -y -qq --download-only install "$@" >/dev/null ||
		die "the download of Debian packages failed; check the network and the space below $MATTX_CACHE, then run again"
	mkdir -p "$dir/usr/bin" "$dir/usr/sbin" "$dir/usr/lib" "$dir/usr/lib64" \
		"$dir/proc" "$dir/sys" "$dir/dev" "$dir/run" "$dir/tmp" "$dir/root"
	for link in bin sbin lib lib64; do
		[ -L "$dir/$link" ] || ln -s "usr/$link" "$dir/$link"
	done
	# Inst NAME (VERSION SUITE... [ARCH]) is apt's simulation output; a colon of an epoch is %3a in file names.
	while read -r file; do
		dpkg -x "$DEBIAN_STATE/archives/$file" "$dir" || die "could not unpack $file into $dir; is the disk full?"
	done < <(sed -nE 's/^Inst ([^ ]+) \(([^ ]+) .*\[([a-z0-9]+)\]\).*/\1_\2_\3.deb/p' <<<"$plan" | sed 's/:/%3a/g')
	chmod 755 "$dir"
	chmod 1777 "$dir/tmp"
}

# in_tree DIR [BIND-SOURCE BIND-TARGET]... -- COMMAND...: runs COMMAND chrooted in an unpacked tree, in its own
# mount and process namespaces, with an empty environment. Unprivileged through a user namespace. /tmp is private:
# process numbers repeat in such namespaces, and make names its pipes after them.
in_tree() {
	local dir=$1 map='' script
	shift
	# Users have no sbin in their PATH, where chroot and mount may live.
	script="PATH=\$PATH:/usr/sbin:/sbin; mount -t proc proc '$dir/proc' 2>/dev/null || mount --rbind /proc '$dir/proc'; mount --rbind /dev '$dir/dev'; mount -t tmpfs tmpfs '$dir/tmp'"
	while [ "$1" != -- ]; do
		mkdir -p "$dir/$2"
		script="$script; mount --rbind '$1' '$dir/$2'"
		shift 2
	done
	shift
	if [ "$(id -u)" -ne 0 ]; then
		map=-r
		unshare -r -m true 2>/dev/null ||
			die "this system forbids user namespaces to users, which the builds in $dir need; allow them (sysctl kernel.unprivileged_userns_clone=1, kernel.apparmor_restrict_unprivileged_userns=0) or run as root"
	fi
	# shellcheck disable=SC2086 # an empty map must vanish
	unshare $map -m -p -f --kill-child --propagation private /bin/sh -c "set -e; $script; exec \"\$@\"" in_tree \
		chroot "$dir" /usr/bin/env -i PATH=/usr/bin:/usr/sbin HOME=/tmp LC_ALL=C "$@"
}
