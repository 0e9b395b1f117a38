#!/bin/bash
# This tree beside another revision, in the same run and in turn, with the same etcd, HAProxy and
# bench programs; only the tools differ.  Prints Markdown tables.  Nothing here passes or fails.
#
#	make bench BASE=v0.1.0                  about twenty minutes
#	make bench BASE=v0.1.0 BENCH_QUICK=1    about six
#
# BENCH_ROUNDS=N, BENCH_SIZES and BENCH_KINDS as they say.  The base is built by its own Makefile, in
# build/base-COMMIT.

base=${1:?usage: compare.sh REVISION}
# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

if [[ -n ${BENCH_QUICK:-} ]]; then
	rounds=3 trials=4 busy=100 gap_trials=2
else
	rounds=5 trials=8 busy=400 gap_trials=4
fi
rounds=${BENCH_ROUNDS:-$rounds}
read -r -a sizes <<<"${BENCH_SIZES:-$SMALL $LARGE}"
read -r -a kinds <<<"${BENCH_KINDS:-flip new instance weight version}"

THIS_BIN=$MAYFLY_BIN
RAW=$T/raw
mkdir "$RAW"

note() { echo "$3" >>"$RAW/$1,$2"; }                                               # WHICH FIGURE NUMBER

# --- one round of one of the two ----------------------------------------------------------------

measure_kinds() { # WHICH SIZE
	local which=$1 size=$2 kind line cpu children

	for kind in "${kinds[@]}"; do
		await_rest "${PID[kvwatch]}" # what the start has left to do is no change's
		cpu=$(cpu_ns "${PID[kvwatch]}") children=$(children_ns "${PID[kvwatch]}")
		line=$(change "$size" "$kind" --trials "$trials" --pause 500ms --idle "${PID[kvwatch]}" \
			--raw "$RAW/$which,$size,$kind") || exit 1
		say "$which $size $kind: $line"
		await_rest "${PID[kvwatch]}" # what follows the last one
		[[ $kind == flip ]] || continue
		note "$which" "$size,cpu" $((($(cpu_ns "${PID[kvwatch]}") - cpu) / trials / 1000))
		note "$which" "$size,children" \
			$((($(children_ns "${PID[kvwatch]}") - children) / trials / 1000))
	done
	line=$(change "$size" flip --trials "$busy" --raw "$RAW/$which,$size,busy") || exit 1
	say "$which $size flip with no rest between: $line"
}

start_gap() { start gap "$BENCH_BIN/gap" "$METRICS"; }
end_gap() { # WHICH FIGURE
	local line

	stop gap
	line=$(grep '^asked=' "$T/log/gap" | tail -n 1)
	note "$1" "$2" "$(value "$line" max_us)"
	line=$(loop_longest_us)
	[[ -z $line ]] || note "$1" "$2,own" "$line"
}

# All of it rendered and checked, with a reload or without one.
measure_gap() { # WHICH SIZE
	local which=$1 size=$2 kind

	for kind in flip version; do
		loop_longest_us >/dev/null
		start_gap
		change "$size" "$kind" --trials "$gap_trials" --pause 1s --idle "${PID[kvwatch]}" >/dev/null
		await_rest "${PID[kvwatch]}"
		end_gap "$which" "$size,gap,$kind"
	done
}

measure_whole() { # WHICH SIZE
	local which=$1 size=$2

	note "$which" "$size,rss" "$(memory_kib "${PID[kvwatch]}" VmRSS)"
	note "$which" "$size,hwm" "$(memory_kib "${PID[kvwatch]}" VmHWM)"
	measure_restart "$size"
	note "$which" "$size,restart" "$RESTART_US"
	await_rest "${PID[kvwatch]}" # until memory is given back
	note "$which" "$size,fresh" "$(memory_kib "${PID[kvwatch]}" VmRSS)"
}

measure_render() { # WHICH SIZE
	local which=$1 size=$2 line

	line=$("$(dirname "$(bin_of "$which")")/bench/render" "$size" 9) || return 0
	note "$which" "$size,render" "$(calc "$(value "$line" render_ms) * 1000" 0)"
	note "$which" "$size,snapshot" "$(calc "$(value "$line" change_ms) * 1000" 0)"
	say "$which $size render: $line"
}

measure() { # WHICH SIZE
	local which=$1 size=$2

	MAYFLY_BIN=$(bin_of "$which")
	start_router "$size"
	measure_kinds "$which" "$size"
	measure_gap "$which" "$size"
	measure_whole "$which" "$size"
	stop kvwatch
	stop haproxy
	measure_start "$size"
	note "$which" "$size,start" "$START_US"
	loop=$(loop_longest_us)
	[[ -z $loop ]] || note "$which" "$size,gap,start,own" "$loop"
	stop kvwatch
	stop haproxy
	measure_render "$which" "$size"
	MAYFLY_BIN=$THIS_BIN
}

# --- the tables ---------------------------------------------------------------------------------

percentile() { # WHICH FIGURE PERCENT
	local file=$RAW/$1,$2

	[[ -s $file ]] || return 0
	sort -n "$file" | awk -v p="$3" '{ v[NR] = $1 } END { print v[int((NR * p + 99) / 100)] }'
}

row() { # DIGITS DIVISOR PERCENT FIGURE WORDS...: a figure of both, and how they compare
	local digits=$1 divisor=$2 percent=$3 figure=$4 this base_value

	shift 4
	this=$(percentile this "$figure" "$percent")
	base_value=$(percentile base "$figure" "$percent")
	printf '| %s | %s | %s | %s |\n' "$*" \
		"$(if [[ -n $this ]]; then calc "$this / $divisor" "$digits"; else echo -; fi)" \
		"$(if [[ -n $base_value ]]; then calc "$base_value / $divisor" "$digits"; else echo -; fi)" \
		"$(ratio "$this" "$base_value")"
}

print_compared() {
	local size kind envs instances

	cat <<-END

		## Compared

		Ratio: this divided by the base.  $rounds rounds in turn of $trials changes of each kind, half a
		second apart, and of $busy back to back; p50 and p99 of all of them, of the rest the median of
		the rounds.  Times are in milliseconds; "not listening" is the longest wait for an answer of
		/health, asked every 2 ms, and "by its own clock" what kvwatch itself says.

		| figure | this | base | ratio |
		|---|--:|--:|--:|
	END
	for size in "${sizes[@]}"; do
		read -r envs instances < <(count_of "$size")
		printf '| **%s environments, %s instances** | | | |\n' "$envs" "$instances"
		for kind in "${kinds[@]}" busy; do
			row 2 1000 50 "$size,$kind" "$(kind_words "$kind"), p50"
			row 2 1000 99 "$size,$kind" "$(kind_words "$kind"), p99"
		done
		row 1 1000 50 "$size,cpu" "CPU of a version's change in kvwatch"
		row 1 1000 50 "$size,children" 'and in the copies of it that render and write'
		row 1 1000 50 "$size,render" 'full rendering'
		row 3 1000 50 "$size,snapshot" 'snapshot after a change'
		row 0 1000 50 "$size,start" 'start at an empty HAProxy to the last environment in the traffic'
		row 0 1000 50 "$size,restart" 'start with all in force to a change in the traffic'
		row 1 1024 50 "$size,rss" 'memory when all was done (RSS), MiB'
		row 1 1024 50 "$size,hwm" 'the most it ever was, MiB'
		row 1 1024 50 "$size,fresh" 'memory after a start (RSS), MiB'
		for kind in flip version start; do
			[[ ! -e "$RAW/this,$size,gap,$kind" ]] ||
				row 1 1000 50 "$size,gap,$kind" "not listening, $(gap_words "$kind")"
			row 1 1000 50 "$size,gap,$kind,own" "by its own clock, $(gap_words "$kind")"
		done
	done
}

gap_words() {
	case $1 in
	flip) echo 'changes of versions' ;;
	version) echo 'new versions' ;;
	start) echo 'start' ;;
	esac
}

build_base "$base"
start_bench_servers
for size in "${sizes[@]}"; do
	fill "$size"
done
for ((round = 0; round < rounds; round++)); do
	order=(this base)
	((round % 2 == 0)) || order=(base this)
	for size in "${sizes[@]}"; do
		for which in "${order[@]}"; do
			measure "$which" "$size"
		done
	done
done
print_machine base "$base ($BASE_COMMIT)"
print_compared
