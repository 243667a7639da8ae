# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# How test stages run and report their checks. Needs env.sh; scripts/test sets MATTX_RESULTS, a file of lines
# "NAME ok" or "NAME FAILED", and MATTX_FAILURES, a file of what the failed checks said.

MATTX_RESULTS=${MATTX_RESULTS:-/dev/null}
MATTX_FAILURES=${MATTX_FAILURES:-/dev/null}
checks_failed=0

# check NAME COMMAND...: one check that passes or fails as a whole; its output is shown only when it fails.
check() {
	local name=$1 begin=$SECONDS log
	shift
	log=$(mktemp)
	if "$@" >"$log" 2>&1; then
		printf '    %s: ok (%d s)\n' "$name" $((SECONDS - begin))
		echo "$name ok" >>"$MATTX_RESULTS"
	else
		cat "$log"
		printf '    %s: FAILED (%d s)\n' "$name" $((SECONDS - begin))
		echo "$name FAILED" >>"$MATTX_RESULTS"
		note_failure "$name" <"$log"
		checks_failed=1
	fi
	rm -f "$log"
}

# note_failure NAME: keeps the end of what the failed check said, which scripts/test repeats when everything has run.
note_failure() {
	{
		echo "---- $1"
		tail -n 60
	} >>"$MATTX_FAILURES"
}

# cargo_tests NAME CARGO-TEST-ARGUMENT...: the tests of cargo, each counted. A failure to build is a failed check, and so
# are tests that do not end within the seconds that tests_limit says, where it is set.
cargo_tests() {
	local name=$1 log status=0 passed failed limit=()
	shift
	log=$(mktemp)
	[ -z "${tests_limit:-}" ] || limit=(timeout --kill-after=60 "$tests_limit")
	# What tests printed is there when one failed or --show-output asks for it.
	(cd "$MATTX_ROOT" && "${limit[@]}" cargo test --no-fail-fast "$@") 2>&1 | tee "$log" |
		sed -unE '/^(successes|failures):$/,/^test result/{p;d}
			/^(test |error|warning|    |Error: )|panicked/p'
	status=${PIPESTATUS[0]}
	passed=$(awk '/^test result:/ {sum += $4} END {print sum + 0}' "$log")
	failed=$(awk '/^test result:/ {sum += $6} END {print sum + 0}' "$log")
	if [ "$passed" -gt 0 ]; then
		yes "$name ok" | sed -n "1,${passed}p;${passed}q" >>"$MATTX_RESULTS"
	fi
	if [ "$failed" -gt 0 ]; then
		sed -nE "s/^test (.*) \.\.\. FAILED$/$name:\1 FAILED/p" "$log" | sed 's/ should panic / /' >>"$MATTX_RESULTS"
		awk '/^failures:$/ {telling = 1} telling; /^test result:/ {telling = 0}' "$log" | note_failure "$name"
		checks_failed=1
	elif [ "$status" -ne 0 ]; then
		[ "$status" -ne 124 ] || echo "error: $name did not end within $tests_limit s and was ended" >>"$log"
		tail -n 30 "$log"
		note_failure "$name" <"$log"
		echo "$name FAILED" >>"$MATTX_RESULTS"
		checks_failed=1
	fi
	printf '    %s: %d passed, %d failed\n' "$name" "$passed" "$failed"
	rm -f "$log"
}

# finish_checks: exit status of a stage.
finish_checks() {
	exit "$checks_failed"
}
