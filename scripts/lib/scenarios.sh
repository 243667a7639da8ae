# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Which scenarios run on which kernels. Needs env.sh, kernels.sh and checks.sh.

# Their subject is how long something takes: they have the machine for themselves.
timed_scenarios=(cluster viewers)
# Their subject is not what a kernel does, but what we build on top of it or around it: by default they run on the newest
# kernel only. scripts/test long runs them on the others.
newest_only_scenarios=(balancer debug_kernel demo laboratory posix systemd viewers)

# is_among WORD LIST...
is_among() {
	local word=$1
	shift
	case " $* " in
	*" $word "*) return 0 ;;
	*) return 1 ;;
	esac
}

# all_scenarios: the names of the programs in lab/scenarios/tests, the one that takes longest first.
all_scenarios() {
	local file name
	echo migrate
	for file in "$MATTX_ROOT"/lab/scenarios/tests/*.rs; do
		name=$(basename "$file" .rs)
		[ "$name" = migrate ] || echo "$name"
	done
}

# kernels_to_test: the stock series, or the one that MATTX_KERNEL names.
kernels_to_test() {
	echo "${MATTX_KERNEL:-$KERNEL_SERIES}"
}

# runs_by_default SCENARIO KERNEL: whether it does. All run on a kernel that MATTX_KERNEL names.
runs_by_default() {
	[ -n "${MATTX_KERNEL:-}" ] || [ "$2" = "${KERNEL_SERIES##* }" ] || ! is_among "$1" "${newest_only_scenarios[@]}"
}

# scenarios KERNEL [CARGO-TEST-ARGUMENT...]: the scenario tests on nodes with that kernel, one cluster after the other.
scenarios() {
	local kernel=$1
	shift
	MATTX_KERNEL=$kernel cargo_tests "kernel-$kernel" -p mattx-scenarios "$@"
}
