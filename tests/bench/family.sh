#!/bin/bash
# What environments cost that extend another one, beside the same ones with all services repeated, and
# how long a change of the one that they extend takes to the traffic of all.  Prints Markdown tables.
# Nothing here passes or fails.
#
#	make bench BENCH_ONLY=family                about a minute
#
# BENCH_CHILDREN=1000: how many there are.

# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

children=${BENCH_CHILDREN:-1000} trials=200
[[ -z ${BENCH_QUICK:-} ]] || trials=50

family() { "$BENCH_BIN/family" "${ETCD_URLS[0]}" /bench-family "$@" || die 'family fails'; }
answers() { says . curl -sf -H "Host: $1.example.com" "$HTTP/"; }

cpu_us() { echo $((($(cpu_ns "${PID[kvwatch]}") + $(cpu_ns "$(haproxy_worker)")) / 1000)); }

# Sets RESULT[WHO], and RESULT[WHO,cpu]: what each change takes of the processors, copies apart.
measure_change() { # parent|child CHILDREN
	local before

	before=$(cpu_us)
	RESULT[$1]=$(family "127.0.0.1:$HTTP_PORT" "$1" "$2" "$trials")
	RESULT[$1,cpu]=$((($(cpu_us) - before) / trials))
	say "$1: ${RESULT[$1]} cpu_us=${RESULT[$1,cpu]}"
}

# kvwatch and HAProxy, started on that family: sets RESULT[NAME,*].
measure() { # NAME extends|repeats CHILDREN
	local name=$1 last=www-parent

	(($3 == 0)) || last=www-child-$(($3 - 1))
	family "$APP_PORT" fill "$2" "$3"
	settings_for family
	rm -rf "$T"/haproxy/* "$T"/run/*.sock "$T/state"
	mkdir "$T/state"
	start_tool kvwatch
	wait_for 30 test -s "$T/haproxy/haproxy.cfg" || die 'no haproxy.cfg was written'
	start_haproxy
	wait_for 30 answers "$last" || die 'the last child is not answered'
	await_rest "${PID[kvwatch]}"
	RESULT[$name,entries]=$(cat "$T"/haproxy/maps/*.map | wc -l)
	RESULT[$name,kvwatch]=$(memory_kib "${PID[kvwatch]}" VmRSS)
	RESULT[$name,haproxy]=$(memory_kib "$(haproxy_worker)" VmRSS)
	say "$name: entries ${RESULT[$name,entries]}, kvwatch ${RESULT[$name,kvwatch]} KiB," \
		"haproxy ${RESULT[$name,haproxy]} KiB"
	if [[ $name == extends ]]; then
		measure_change parent "$3"
		measure_change child "$3"
	fi
	stop kvwatch
	stop haproxy
}

more() { echo $((RESULT[$1,$2] - RESULT[none,$2])); } # NAME WHAT: than without children
row() { # WHAT WORDS
	printf '| %s | %s | %s | %s |\n' "$2" "$(calc "$(more repeats "$1") / $children")" \
		"$(calc "$(more extends "$1") / $children")" "$(ratio "$(more extends "$1")" "$(more repeats "$1")")"
}

start_bench_servers
measure none extends 0
measure repeats repeats "$children"
measure extends extends "$children"
print_machine
cat <<-END

	## Environments as differences

	$children environments, each of which differs in one of ten services from another one: as differences
	(extends), and with all services repeated.  Goal: at most 0.20.

	| for each environment | repeated | as a difference | ratio |
	|---|--:|--:|--:|
END
row entries 'map entries'
row kvwatch 'memory of kvwatch, KiB'
row haproxy 'memory of HAProxy, KiB'
cat <<-END

	Milliseconds from etcd's acknowledgement of a change of the one that all of them extend to the first
	answer of one of them that only the new state can give, and of a change of one alone; and those that
	kvwatch and HAProxy use of the processors for each.  Goal: p50 at most 10.

	| change of | p50 | p99 | max | CPU | n | lost |
	|---|--:|--:|--:|--:|--:|--:|
END
change_row() { # WHO WORDS
	local line=${RESULT[$1]}

	printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$2" "$(ms "$(value "$line" p50_us)")" \
		"$(ms "$(value "$line" p99_us)")" "$(ms "$(value "$line" max_us)")" \
		"$(ms "${RESULT[$1,cpu]}")" "$(value "$line" trials)" "$(value "$line" lost)"
}
change_row parent "the parent of $children"
change_row child 'one of them'
