# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# Steps of a long piece of work, each announced with the time that remains. What a step took is kept in the cache and
# expected the next time. Source env.sh first.

STEPS=()
declare -A STEP_SECONDS
STEP_TIMES=$MATTX_CACHE/stamps/step-times
STEP_DONE=0

# plan NAME SECONDS...: the steps in their order, and how long each takes on a machine that never did it.
plan() {
	local known
	while [ $# -gt 0 ]; do
		known=$(sed -n "s/^$1 //p" "$STEP_TIMES" 2>/dev/null || true)
		STEPS+=("$1")
		# What there is nothing to do for takes no time, however long it took once.
		STEP_SECONDS[$1]=$([ "$2" -eq 0 ] && echo 0 || echo "${known:-$2}")
		shift 2
	done
}

# in_words SECONDS: as people say it.
in_words() {
	if [ "$1" -lt 90 ]; then echo "$1 s"; else echo "$((($1 + 30) / 60)) min"; fi
}

# step NAME TEXT COMMAND...: announces a planned step, runs it and notes how long it took. The command runs in this shell.
step() {
	local name=$1 text=$2 begin=$SECONDS left=0 other seen=''
	shift 2
	for other in "${STEPS[@]}"; do
		[ "$other" != "$name" ] || seen=1
		[ -z "$seen" ] || left=$((left + STEP_SECONDS[$other]))
	done
	STEP_DONE=$((STEP_DONE + 1))
	say "$text (step $STEP_DONE of ${#STEPS[@]}, about $(in_words "$left") left)"
	"$@"
	mkdir -p "${STEP_TIMES%/*}"
	{ grep -v "^$name " "$STEP_TIMES" 2>/dev/null || true; echo "$name $((SECONDS - begin))"; } >"$STEP_TIMES.$$"
	mv "$STEP_TIMES.$$" "$STEP_TIMES"
}
