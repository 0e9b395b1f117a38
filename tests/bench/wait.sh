# shellcheck shell=bash
# shellcheck disable=SC2004,SC2154 # RESULT has names for keys, and is not made here
# How soon mayfly wait returns: a fleet of real kvwatch, each with a HAProxy of its own.  Sourced by run.sh.

wait_nodes=${BENCH_NODES:-50}
wait_trials=20

node_settings() { # NODE
	local here=$T/$1

	mkdir -p "$here"/{run,haproxy,state}
	ports 1
	write_settings "etcd.prefix=$(prefix_of "$SMALL")" "node=$1" dnsmasq.hosts= dnsmasq.reload= \
		"haproxy.bind=[\"127.0.0.1:${PORTS[0]}\"]" haproxy.internal_bind= haproxy.local_bind= \
		haproxy.stats_bind= "haproxy.config=$here/haproxy/haproxy.cfg" "state_dir=$here/state" \
		"haproxy.admin_socket=$here/run/admin.sock" "haproxy.master_socket=$here/run/master.sock"
	cp "$T/mayfly.yaml" "$here/mayfly.yaml"
}

start_fleet() {
	local i node

	for ((i = 1; i <= wait_nodes; i++)); do
		node_settings "n$i"
		start "kvwatch-n$i" "$MAYFLY_BIN/kvwatch" --config "$T/n$i/mayfly.yaml"
	done
	for ((i = 1; i <= wait_nodes; i++)); do
		node=n$i
		wait_for 60 test -s "$T/$node/haproxy/haproxy.cfg" || die "no haproxy.cfg of $node"
		start "haproxy-$node" haproxy -W -S "$T/$node/run/master.sock" -f "$T/$node/haproxy/haproxy.cfg"
	done
}

# Each report of a node with the moment at which it was heard of, in microseconds.
stamp_reports() {
	local line

	etcdctl watch --prefix "$(prefix_of "$SMALL")/nodes/" | while read -r line; do
		[[ $line != */nodes/* ]] || printf '%s %s\n' "${EPOCHREALTIME/./}" "${line##*/}"
	done >"$T/out/reports"
}

# The last node is one that is stopped until all others have it, so that it is known which one it is.
measure_wait() {
	local trial start end heard version
	local -a all=("$MAYFLY_BIN/mayfly" wait --timeout 120s)

	fill "$SMALL"
	start_fleet
	"${all[@]}" >/dev/null || die 'the fleet does not come up'
	ETCDCTL_ENDPOINTS=${ETCD_URLS[0]} stamp_reports &
	: >"$T/out/wait"
	for ((trial = 0; trial < wait_trials; trial++)); do
		version=1.$((trial % 9))
		send_signal STOP kvwatch-n1
		"$MAYFLY_BIN/mayfly" env set env-00003 "svc-1=$version" >/dev/null || die 'mayfly env set'
		"${all[@]}" --nodes $((wait_nodes - 1)) >/dev/null || die 'the others do not have it'
		start waiting "${all[@]}"
		sleep 0.3 # until it listens
		start=${EPOCHREALTIME/./}
		send_signal CONT kvwatch-n1
		wait "${PID[waiting]}" || die 'mayfly wait'
		end=${EPOCHREALTIME/./}
		wait_exit waiting
		heard=$(awk -v from="$start" '$1 >= from && $2 == "n1" { print $1; exit }' "$T/out/reports")
		printf '%d %d\n' $((end - ${heard:-$start})) $((end - start)) >>"$T/out/wait"
	done
	RESULT[wait,p50]=$(cut -d ' ' -f 1 "$T/out/wait" | median)
	RESULT[wait,max]=$(cut -d ' ' -f 1 "$T/out/wait" | sort -n | tail -n 1)
	RESULT[wait,all]=$(cut -d ' ' -f 2 "$T/out/wait" | median)
	say "wait: p50 ${RESULT[wait,p50]} us, max ${RESULT[wait,max]} us; from SIGCONT ${RESULT[wait,all]} us"
}

goals_of_wait() {
	goal "\`mayfly wait\` over $wait_nodes kvwatch" '≤ 100 ms after the last one' \
		"slowest of $wait_trials $(ms "${RESULT[wait,max]}" 1) ms"
}

print_wait() {
	cat <<-END

		## Waiting

		Milliseconds with $wait_nodes kvwatch, each with a HAProxy of its own, of which one is stopped until all
		others have a change: from its report in etcd, which says that HAProxy has it, to the exit of
		\`mayfly wait\`; and from its going on, so with the change itself.

		| from | p50 | max of $wait_trials |
		|---|--:|--:|
		| the last report | $(ms "${RESULT[wait,p50]}" 1) | $(ms "${RESULT[wait,max]}" 1) |
		| the last one's going on | $(ms "${RESULT[wait,all]}" 1) | - |
	END
}
