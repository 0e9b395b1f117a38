#!/bin/sh
# Runs each fuzzer given for FUZZ_TIME seconds on its corpus and dictionary.  New inputs go below
# the build folder; one that breaks something is kept there too, and ends the run with status 1.
set -u

fuzz() { # PROGRAM NAME
	program=$1 name=$2 out=$(dirname "$1")
	mkdir -p "$out/found/$name"
	set -- "$out/found/$name"
	[ ! -d "tests/fuzz/corpus/$name" ] || set -- "$@" "tests/fuzz/corpus/$name"
	[ ! -e "tests/fuzz/$name.dict" ] || set -- "-dict=tests/fuzz/$name.dict" "$@"
	echo "fuzzing $name for ${FUZZ_TIME:-300} s"
	"$program" -max_total_time="${FUZZ_TIME:-300}" -timeout=10 -rss_limit_mb=1024 -verbosity=0 \
		-print_final_stats=1 -artifact_prefix="$out/$name-" "$@"
}

status=0
for fuzzer; do
	name=$(basename "$fuzzer")
	fuzz "$fuzzer" "${name#fuzz_}" || status=1
done
exit "$status"
