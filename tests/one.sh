#!/bin/bash
# Runs one test program for prove: within a deadline, unit tests under valgrind if VALGRIND=1 asks
# for it, and with its TAP and exit status kept in $TAP_DIR, where .ci/run counts them.
program=$1
name=$(basename "$program")
command=("$program")
limit=300
if [[ $program != *.sh && -n ${VALGRIND:-} ]]; then
	export CK_FORK=no
	command=(valgrind --quiet --error-exitcode=99 --leak-check=full "$program")
fi
[[ -z ${VALGRIND:-} ]] || limit=1800

if [[ -z ${TAP_DIR:-} ]]; then
	exec timeout --foreground -k 20 "$limit" "${command[@]}"
fi
timeout --foreground -k 20 "$limit" "${command[@]}" | tee "$TAP_DIR/$name.tap"
status=${PIPESTATUS[0]}
echo "$status" >"$TAP_DIR/$name.status"
exit "$status"
