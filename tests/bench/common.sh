# shellcheck shell=bash
# What run.sh and compare.sh share: figures, the model in etcd, and kvwatch with HAProxy on it.
# shellcheck disable=SC2034 # what is set here is for those two

# shellcheck source=tests/integration/servers.sh
. "$(dirname "${BASH_SOURCE[0]}")/../integration/servers.sh"

BENCH_BIN=$(dirname "$MAYFLY_BIN")/bench

# Environments x versions of each of ten services x instances of each version.
SMALL=10x10x1
LARGE=5000x100x10

on_exit() {
	(($1 == 0)) || tail -n 20 "$T"/log/* >&2
	return 0
}

say() { printf 'bench: %s\n' "$*" >&2; }
value() { sed -n "s/.*\\b$2=\\(-\\?[0-9.]*\\).*/\\1/p" <<<"$1"; } # LINE KEY
calc() { awk "BEGIN { printf \"%.${2:-2}f\", $1 }"; }             # EXPRESSION [DIGITS]
ratio() { if [[ -n $1 && -n $2 && $1 != - && $2 != - && $2 != 0 ]]; then calc "$1 / $2" "${3:-2}"; else echo -; fi; }
ms() { if [[ -n ${1:-} && $1 != -1 ]]; then calc "$1 / 1000" "${2:-2}"; else echo -; fi; } # MICROSECONDS
median() { sort -g | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }

declare -A RESULT=() FILLED=()
count_of() { # SIZE: environments and instances, in words
	local envs versions instances

	IFS=x read -r envs versions instances <<<"$1"
	printf '%s %s\n' "$envs" "$((10 * versions * instances))"
}
prefix_of() { printf '/bench-%s\n' "${1%%x*}"; }

kind_words() {
	case $1 in
	flip) echo 'environment takes another version' ;;
	new) echo 'new environment' ;;
	instance) echo 'instance added' ;;
	weight) echo 'weights changed' ;;
	version) echo 'new version' ;;
	busy) echo 'another version, changes back to back' ;;
	esac
}

start_bench_servers() {
	read -r LOAD_AVERAGE _ </proc/loadavg
	start_etcd
	start app "$BENCH_BIN/app"
	wait_for 5 log_has app '^listening' || die 'the service does not come up'
	APP_PORT=$(sed -n 's/^listening //p' "$T/log/app")
	ports 1
	METRICS=127.0.0.1:${PORTS[0]}
}

fill() { # SIZE
	[[ -z ${FILLED[$1]:-} ]] || return 0
	FILLED[$1]=1
	"$BENCH_BIN/fill" "${ETCD_URLS[0]}" "$(prefix_of "$1")" "$1" "$APP_PORT" || die 'cannot fill etcd'
}

settings_for() { # SIZE
	write_settings "etcd.prefix=$(prefix_of "$1")" dnsmasq.reload=none "metrics_bind=\"$METRICS\""
}

# The longest time for which kvwatch did not listen since this was asked last, by its own clock, if it
# keeps that; in microseconds.
loop_longest_us() {
	curl -s --max-time 5 "http://$METRICS/metrics" |
		awk '$1 == "mayfly_loop_longest_seconds" { printf "%d\n", $2 * 1e6 }'
}

change() { # SIZE KIND OPTION...
	local size=$1 kind=$2

	shift 2
	"$BENCH_BIN/change" --etcd "${ETCD_URLS[0]}" --prefix "$(prefix_of "$size")" --model "$size" \
		--port "$APP_PORT" --router "127.0.0.1:$HTTP_PORT" --kind "$kind" "$@" ||
		die "change $kind fails at $size"
}

# kvwatch and HAProxy on that model, in force.
start_router() { # SIZE
	settings_for "$1"
	rm -rf "$T"/haproxy/* "$T"/run/*.sock "$T/state"
	mkdir "$T/state"
	start_tool kvwatch
	wait_for 30 test -s "$T/haproxy/haproxy.cfg" || die 'no haproxy.cfg was written'
	start_haproxy
	change "$1" none >/dev/null
}

# HAProxy as it runs before anything is in etcd.
start_router_empty() {
	settings_for empty
	rm -rf "$T"/haproxy/* "$T"/run/*.sock "$T/state"
	mkdir "$T/state"
	run_tool kvwatch --once || die 'kvwatch --once'
	start_haproxy
}

# For who renders a configuration and has HAProxy reload: check it, and tell the master if there is one.
write_check_and_reload() { # FILE
	cat >"$1" <<-END
		#!/bin/sh
		[ -s '$T/haproxy/haproxy.cfg' ] && [ -s '$T/haproxy/routes.map' ] || exit 0
		haproxy -c -q -f '$T/haproxy/haproxy.cfg' || exit
		[ -S '$T/run/master.sock' ] || exit 0
		# The master cannot be asked while it restarts itself.
		for _ in 1 2 3 4 5 6 7 8 9 10; do
			! echo reload | socat -t 5 - 'UNIX-CONNECT:$T/run/master.sock' || exit 0
			sleep 0.1
		done
		exit 1
	END
	chmod +x "$1"
}

# confd with a map and a configuration of its own, as small as they can be, and HAProxy.
start_confd() { # SIZE
	local name here=$TOP/tests/bench/confd

	mkdir -p "$T"/confd/{conf.d,templates}
	for name in routes.map haproxy.cfg; do
		sed "s|@PREFIX@|$(prefix_of "$1")|; s|@T@|$T|g; s|@PORT@|$HTTP_PORT|" \
			"$here/$name.toml" >"$T/confd/conf.d/$name.toml"
		sed "s|@T@|$T|g; s|@PORT@|$HTTP_PORT|" "$here/$name.tmpl" >"$T/confd/templates/$name.tmpl"
	done
	write_check_and_reload "$T/confd/reload"
	rm -rf "$T"/haproxy/* "$T"/run/*.sock
	start confd confd -watch -confdir "$T/confd" -backend etcdv3 -node "${ETCD_URLS[0]}" -log-level error
	wait_for 60 test -s "$T/haproxy/routes.map" || die 'confd writes nothing'
	start_haproxy
	change "$1" none >/dev/null
}

memory_kib() { sed -n "s/^$2:[[:space:]]*\\([0-9]*\\) kB/\\1/p" "/proc/$1/status"; } # PID FIELD
cpu_ns() { read -r -a CPU <"/proc/$1/schedstat" && echo "${CPU[0]}"; }              # PID

# Of the copies of itself and the programs that it has had run, in steps of 10 ms.
children_ns() { # PID
	local line fields

	read -r line <"/proc/$1/stat" && read -r -a fields <<<"${line##*) }"
	echo $(((fields[13] + fields[14]) * 1000000000 / $(getconf CLK_TCK)))
}

# Until a process has used no CPU for half a second; at most 20 s.
await_rest() { # PID
	local before now deadline=$((SECONDS + 20))

	now=$(cpu_ns "$1")
	while before=$now; ((SECONDS < deadline)); do
		sleep 0.5
		now=$(cpu_ns "$1")
		((now != before)) || return 0
	done
}

# HAProxy's own reading of the files that are in force.
measure_parse() {
	local start i

	for ((i = 0; i < 3; i++)); do
		start=${EPOCHREALTIME/./}
		haproxy -c -q -f "$T/haproxy/haproxy.cfg" || die 'haproxy -c'
		echo $((${EPOCHREALTIME/./} - start))
	done >"$T/out/parse"
	RESULT[parse_us]=$(median <"$T/out/parse")
}

# A router that is empty, then kvwatch with that model, until the last environment is answered: sets
# START_US.
measure_start() { # SIZE
	local start

	start_router_empty
	settings_for "$1"
	start=${EPOCHREALTIME/./}
	start_tool kvwatch
	change "$1" none >/dev/null
	START_US=$((${EPOCHREALTIME/./} - start))
}

# kvwatch started again while everything is applied, and a change at once: sets RESTART_US.
measure_restart() { # SIZE
	local start

	stop kvwatch
	start=${EPOCHREALTIME/./}
	start_tool kvwatch
	change "$1" flip --trials 1 >/dev/null
	RESTART_US=$((${EPOCHREALTIME/./} - start))
}

# Build another revision by its own Makefile, in build/base-COMMIT: sets BASE_COMMIT and BASE_BIN.
build_base() { # REVISION
	local base=$1 commit dir

	commit=$(git -C "$TOP" rev-parse --verify --short=10 "$base^{commit}" 2>/dev/null) ||
		die "$base: no such revision"
	dir=$(dirname "$MAYFLY_BIN")/base-$commit
	if [[ ! -e $dir/Makefile ]]; then
		mkdir -p "$dir"
		git -C "$TOP" archive "$commit" | tar -x -C "$dir" || die "cannot unpack $commit"
	fi
	say "building $base ($commit)"
	# Nothing of our own make but its compiler reaches the other one.
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS -u BUILD make -s -C "$dir" -j"$(nproc)" BUILD=build \
		${CC:+CC="$CC"} ${CFLAGS:+CFLAGS="$CFLAGS"} all build/bench/render >"$T/log/build" 2>&1 ||
		die "$base cannot be built"
	BASE_COMMIT=$commit
	BASE_BIN=$dir/build/bin
}

bin_of() { if [[ $1 == base ]]; then echo "$BASE_BIN"; else echo "$THIS_BIN"; fi; } # WHICH

print_machine() { # [NAME VALUE]
	local commit=''

	commit=$(git -C "$TOP" describe --always --dirty 2>/dev/null) && commit=" ($commit)"
	cat <<-END
		# Results of \`make bench\`

		| | |
		|---|---|
		| machine | $(nproc) × $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1), $(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo) GiB, Linux $(uname -r) |
		| load average at the start | $LOAD_AVERAGE |
		| Mayfly | $("$MAYFLY_BIN/kvwatch" --version | awk '{ print $NF; exit }')$commit |
	END
	[[ -z ${1:-} ]] || printf '| %s | %s |\n' "$1" "$2"
	cat <<-END
		| HAProxy | $(haproxy -v | awk '{ print $3; exit }') |
		| etcd | $(etcd --version | awk '{ print $3; exit }') |
		| date | $(date -u +%F) |
	END
}
