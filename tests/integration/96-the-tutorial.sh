#!/bin/bash
# The tutorial, typed as it stands: each of its lines behind a `$` is run, in one shell that is not
# root, in a network of its own where its ports are free, and must print what the page says.
if [[ -z ${ALONE:-} ]]; then
	export ALONE=1
	# shellcheck disable=SC2016 # for the shell in there
	unshare -Urnm sh -c 'ip link set lo up && exec unshare -U --map-user=1000 --map-group=1000 "$0"' "$0"
	exit
fi
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq dig curl python3

export PATH=$MAYFLY_BIN:$PATH HOME=$T/home
unset MAYFLY_CONFIG
mkdir "$HOME" "$T/steps"

# Of the page: N.cmd, what is typed, and N.out, what is printed.
awk -v dir="$T/steps" '
	/^\.Bd -literal$/ { inside = 1; next }
	/^\.Ed/ { inside = 0; next }
	!inside { next }
	{ gsub(/\\e/, "\\"); gsub(/\\&/, "") }
	/^\$ / { file = sprintf("%s/%03d", dir, ++n); print substr($0, 3) >(file ".cmd"); printf "" >(file ".out"); next }
	/^>( |$)/ { print substr($0, 3) >(file ".cmd"); next }
	{ print >(file ".out") }' "$TOP/man/mayfly-tutorial.7"

# `...` stands for any text, of several lines where it stands alone.
printed() { # TEXT PATTERN
	local line pattern=

	while IFS= read -r line; do
		# shellcheck disable=SC2001 # a replacement by the shell has no such class
		line=$(sed 's/[][\\.*^$+?(){}|]/\\&/g' <<<"$line")
		if [[ $line == '\.\.\.' ]]; then
			pattern+=$'(.*\n)?'
		else
			pattern+=${line//'\.\.\.'/$'[^\n]*'}$'\n'
		fi
	done <<<"$2"
	[[ $1$'\n' =~ ^$pattern$ ]]
}
typed() { # again where a person would look a moment later
	local limit=$((EPOCHSECONDS + 20 * SLOW)) text=$1 output=$2

	while :; do
		eval "$text" >"$T/out/typed" 2>&1
		[[ -n $output ]] || return 0
		! printed "$(<"$T/out/typed")" "$output" || return 0
		((EPOCHSECONDS < limit)) || return 1
		sleep 0.1
	done
}

for step in "$T"/steps/*.cmd; do
	text=$(<"$step") output=$(<"${step%.cmd}.out")
	if typed "$text" "$output"; then
		pass "$(head -1 "$step")"
	else
		fail "$(head -1 "$step")" "printed:  $(<"$T/out/typed")"$'\n'"the page: $output"
		jobs -p | xargs -r kill
		break
	fi
done
ok 'nothing is left' not test -e "$HOME/tour"

done_testing
