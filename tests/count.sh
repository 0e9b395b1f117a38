#!/bin/bash
# Counts the tests of all TAP files in folders: `N passed, N failed`.  A program that ended badly
# with no failed test of its own, or did not run all that it planned, counts as a failed one.
#
#	tests/count.sh FAILED-BESIDE DIR...      so many failed that no TAP file tells of
passed=0 failed=$1
shift
for dir in "$@"; do
	for tap in "$dir"/*.tap; do
		[[ -e $tap ]] || continue
		good=$(grep -c '^ok ' "$tap")
		bad=$(grep -c '^not ok ' "$tap")
		plan=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$tap" | tail -n 1)
		status=$(cat "${tap%.tap}.status" 2>/dev/null)
		if ((bad == 0)) && [[ ${status:-1} != 0 || ${plan:-none} != "$good" ]]; then
			bad=1
			printf '%s: status %s, %s of %s tests\n' "$(basename "$tap" .tap)" \
				"${status:-unknown}" "$good" "${plan:-unknown}"
		fi
		((passed += good, failed += bad))
	done
done
printf '%d passed, %d failed\n' "$passed" "$failed"
((failed == 0 && passed > 0))
