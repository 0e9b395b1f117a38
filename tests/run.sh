#!/bin/bash
# Runs test programs by prove; with AGAIN=1 up to three that failed run once more, alone, and what
# passed only then is named: one that is named often has a race to be ended.
#
#	tests/run.sh PROVE-OPTION... -- PROGRAM...
options=()
while [[ $1 != -- ]]; do
	options+=("$1")
	shift
done
shift
state=$(mktemp "${TMPDIR:-/tmp}/mayfly-prove.XXXXXX") || exit 1
trap 'rm -f "$state" "$state".*' EXIT
rm "$state" # prove makes it

prove "${options[@]}" --state=save --statefile="$state" --exec tests/one.sh "$@"
status=$?
((status != 0)) && [[ -n ${AGAIN:-} && -s $state ]] || exit "$status"

mapfile -t failed < <(prove --dry --state=failed --statefile="$state")
((${#failed[@]} <= 3)) || exit "$status"
printf '\nAgain, alone:\n'
prove -j1 --exec tests/one.sh "${failed[@]}" || exit
printf 'Passed only the second time: %s\n' "${failed[*]}"
