#!/bin/bash
# Runs one test program for prove: within a deadline, unit tests under valgrind if VALGRIND=1 asks
# for it.  What it says on standard error is shown only if it fails.  Its TAP and exit status are
# kept in $TAP_DIR, if that is set, where .ci/run counts them.
program=$1
name=$(basename "$program")
command=("$program")
limit=300
[[ -z ${VALGRIND:-} ]] || limit=1800
if [[ $program != *.sh && -n ${VALGRIND:-} ]]; then
	export SLOW=$((${SLOW:-1} * 10)) # as the stories' deadlines
	command=(valgrind --quiet --error-exitcode=99 --leak-check=full "$program")
fi

words=$(mktemp "${TMPDIR:-/tmp}/mayfly-test.XXXXXX") || exit 1
trap 'rm -f "$words"' EXIT
timeout --foreground -k 20 "$limit" "${command[@]}" 2>"$words" |
	tee ${TAP_DIR:+"$TAP_DIR/$name.tap"}
status=${PIPESTATUS[0]}
((status != 124)) || printf '# no end after %d s\n' "$limit" >>"$words"
((status == 0)) || cat "$words" >&2
[[ -z ${TAP_DIR:-} ]] || echo "$status" >"$TAP_DIR/$name.status"
exit "$status"
