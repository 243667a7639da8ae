#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-or-later
# about: programs of the host's own distribution: C compiler, Node.js, Chromium, linters
set -euo pipefail
. "$(dirname "$0")/../lib/env.sh"

# COMMAND PACKAGE: a package is asked for only where none of its commands is there, so that other ways of
# installing a tool count as well.
needed='
cc gcc
make make
ld binutils
git git
perl perl-base
flock util-linux
unshare util-linux
apt-get apt
dpkg dpkg
gpgv gpgv
node nodejs
npm npm
shellcheck shellcheck
ip iproute2
curl curl
'
packages=()
while read -r command package; do
	[ -n "$command" ] || continue
	command -v "$command" >/dev/null || packages+=("$package")
done <<<"$needed"
# The headers of the C library come without a command.
[ -e /usr/include/stdio.h ] || packages+=(libc6-dev)
[ -r /usr/share/keyrings/debian-archive-keyring.gpg ] || packages+=(debian-archive-keyring)
if [ -z "${MATTX_CHROMIUM:-}" ] && ! command -v chromium >/dev/null && ! command -v google-chrome >/dev/null; then
	packages+=(chromium)
fi
[ ${#packages[@]} -gt 0 ] || exit 0

install=(apt-get install -y --no-install-recommends "${packages[@]}")
command -v apt-get >/dev/null || die "these packages are missing and this system has no apt to install them: ${packages[*]}"
as_root=()
if [ "$(id -u)" -ne 0 ]; then
	# In a terminal sudo may ask for a password; elsewhere it must not.
	if ! command -v sudo >/dev/null || { [ ! -t 0 ] && ! sudo -n true 2>/dev/null; }; then
		die "these packages are missing: ${packages[*]}; install them (apt-get install ${packages[*]}) and run again"
	fi
	as_root=(sudo)
fi
say "installing ${packages[*]}"
log=$MATTX_CACHE/packages.log
export DEBIAN_FRONTEND=noninteractive
if ! "${as_root[@]}" "${install[@]}" >"$log" 2>&1; then
	# The host's package lists may be old or absent.
	"${as_root[@]}" apt-get update >>"$log" 2>&1 && "${as_root[@]}" "${install[@]}" >>"$log" 2>&1 ||
		{ tail -n 5 "$log" >&2; die "the packages ${packages[*]} could not be installed (whole log: $log); install them by hand and run again"; }
fi
