#!/bin/bash
# Measures Mayfly with the real servers, all on loopback, and prints the results as Markdown tables:
# what is compared is measured in the same run.  Nothing here passes or fails.
#
#	make bench                  about ten minutes
#	make bench BENCH_QUICK=1    about two: fewer sizes, fewer trials
#
# BENCH_ONLY="change rate idle lost register names render command wait" leaves parts out; BENCH_SIZES and BENCH_KINDS too.
# BENCH_ONLY=tenant is in tenant.sh, BENCH_ONLY=family in family.sh.

# shellcheck source=tests/bench/common.sh
. "$(dirname "$0")/common.sh"
# shellcheck source=tests/bench/command.sh
. "$(dirname "$0")/command.sh"
# shellcheck source=tests/bench/wait.sh
. "$(dirname "$0")/wait.sh"

declare -A RATE_PORT=()

if [[ -n ${BENCH_QUICK:-} ]]; then
	sizes=("$SMALL" "$LARGE")
	trials=10 budget=8s busy=200 reload_trials=5 reload_budget=4s rounds=3 seconds=1 idle=5 mixed=300 name_trials=50
else
	sizes=("$SMALL" 100x10x2 1000x50x4 "$LARGE")
	trials=40 budget=25s busy=1000 reload_trials=10 reload_budget=4s rounds=5 seconds=3 idle=30 mixed=1000 name_trials=200
fi
[[ -z ${BENCH_SIZES:-} ]] || read -r -a sizes <<<"$BENCH_SIZES"
read -r -a kinds <<<"${BENCH_KINDS:-flip new instance weight version}"
only=" ${BENCH_ONLY:-change rate render idle lost register names command wait} "

wants() { [[ $only == *" $1 "* ]]; }

# --- change to traffic -------------------------------------------------------------------------

# What watchers that render, check and reload do for each change, here started by the bench
# itself, so that the watching costs nothing.
write_reloader() {
	cat >"$T/reload.sh" <<-END
		'$MAYFLY_BIN/cfgrender' -c '$T/mayfly.yaml' --output-dir '$T/haproxy' >/dev/null &&
		haproxy -c -q -f '$T/haproxy/haproxy.cfg' &&
		echo reload | socat -t 5 - 'UNIX-CONNECT:$T/run/master.sock' >/dev/null
	END
}

measure_changes() { # SIZE
	local size=$1 kind line

	start_router "$size"
	for kind in "${kinds[@]}"; do
		# From rest: files follow the running HAProxy at some distance, and reloads are some time
		# apart, whoever asks for them; each change starts when all of that is done.
		line=$(change "$size" "$kind" --trials "$trials" --budget "$budget" --pause 500ms \
			--idle "${PID[kvwatch]}") || exit 1
		RESULT[$size,$kind]=$line
		say "$size $kind: $line"
	done
	line=$(change "$size" flip --trials "$busy" --budget "$budget") || exit 1
	RESULT[$size,busy]=$line
	say "$size flip with no rest between: $line"
	if [[ $size == "$LARGE" ]]; then
		measure_storm "$size"
		! wants idle || measure_idle "$size"
	fi
	stop kvwatch
	write_reloader
	for kind in "${kinds[@]}"; do
		line=$(change "$size" "$kind" --trials "$reload_trials" --budget "$reload_budget" \
			--run ". '$T/reload.sh'") || exit 1
		RESULT[$size,$kind,reload]=$line
		say "$size $kind by check and reload: $line"
	done
	command -v confd >/dev/null && measure_confd "$size"
	stop haproxy
}

# One change after the other while a thousand others a second go on.
measure_storm() { # SIZE
	local line start=${EPOCHREALTIME/./} count=$((busy * 10))

	start storm "$BENCH_BIN/change" --etcd "${ETCD_URLS[0]}" --prefix "$(prefix_of "$1")" --model "$1" \
		--port "$APP_PORT" --router "127.0.0.1:$HTTP_PORT" --kind storm --trials "$count" --pause 0s
	line=$(change "$1" weight --trials 1000 --budget "$((busy * 6))ms" --pause 50ms) || exit 1
	wait_exit storm 120 || die 'the storm does not end'
	RESULT[storm]=$line
	RESULT[storm_rate]=$((count * 1000000 / (${EPOCHREALTIME/./} - start)))
	say "$1 weight, beside ${RESULT[storm_rate]} other changes a second: $line"
}

measure_confd() { # SIZE
	local size=$1 kind line

	stop haproxy
	start_confd "$size"
	for kind in "${kinds[@]}"; do
		line=$(change "$size" "$kind" --trials "$reload_trials" --budget "$reload_budget" \
			--idle "${PID[confd]}") || exit 1
		RESULT[$size,$kind,confd]=$line
		say "$size $kind by confd: $line"
	done
	stop confd
}

print_changes() {
	local size kind line reload confd envs instances p50 small

	cat <<-'END'

		## Change to traffic

		Milliseconds from etcd's acknowledgement of the change to the first answer that only the new
		state can give; each change half a second after the one before, or the next one at once where
		it says back to back, so that it also waits for what the one before left to do.  × 10: p50
		against that of the same change with the smallest model.  "Check and reload": all is rendered,
		checked and loaded for each change, as confd and its kind do; its ratio is how many times as
		long that takes (p50).

		| environments | instances | change | p50 | p99 | max | n | lost | × 10 | check and reload p50 | ratio | confd p50 | ratio |
		|--:|--:|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|
	END
	for size in "${sizes[@]}"; do
		read -r envs instances < <(count_of "$size")
		for kind in "${kinds[@]}" busy; do
			line=${RESULT[$size,$kind]:-}
			[[ -n $line ]] || continue
			p50=$(value "$line" p50_us)
			small=$(value "${RESULT[${sizes[0]},$kind]:-}" p50_us)
			reload=$(value "${RESULT[$size,$kind,reload]:-}" p50_us)
			confd=$(value "${RESULT[$size,$kind,confd]:-}" p50_us)
			printf '| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n' "$envs" \
				"$instances" "$(kind_words "$kind")" "$(ms "$p50")" \
				"$(ms "$(value "$line" p99_us)")" "$(ms "$(value "$line" max_us)")" \
				"$(value "$line" trials)" "$(value "$line" lost)" "$(ratio "$p50" "$small")" \
				"$(ms "$reload" 0)" "$(ratio "$reload" "$p50" 0)" "$(ms "$confd" 0)" \
				"$(ratio "$confd" "$p50" 0)"
		done
	done
}

print_storm() {
	local line=${RESULT[storm]:-}

	[[ -n $line ]] || return 0
	cat <<-END

		## A storm

		With the large model, a change of weights while ${RESULT[storm_rate]} other changes a second go on,
		in milliseconds: p50 $(ms "$(value "$line" p50_us)"), p99 $(ms "$(value "$line" p99_us)"), the slowest of $(value "$line" trials) $(ms "$(value "$line" max_us)").
	END
}

# --- at rest, and from the start ---------------------------------------------------------------

measure_idle() { # SIZE
	local before now start i

	# In slices, so that one in which everything is listed again does not stand for the hour.
	say "at rest for $idle s"
	before=$(cpu_ns "${PID[kvwatch]}")
	for ((i = 0; i < 5; i++)); do
		sleep $((idle / 5))
		now=$(cpu_ns "${PID[kvwatch]}")
		echo $((now - before))
		before=$now
	done >"$T/out/idle"
	RESULT[idle_s]=$(calc "$(median <"$T/out/idle") / 1e9 * 3600 * 5 / $idle" 1)
	RESULT[idle_most_ms]=$(calc "$(sort -n "$T/out/idle" | tail -n 1) / 1e6" 0)
	RESULT[rss]=$(memory_kib "${PID[kvwatch]}" VmRSS)
	RESULT[hwm]=$(memory_kib "${PID[kvwatch]}" VmHWM)
	RESULT[loop_us]=$(loop_longest_us)

	measure_restart "$1"
	RESULT[restart_us]=$RESTART_US
	RESULT[rss_fresh]=$(memory_kib "${PID[kvwatch]}" VmRSS)
}

print_idle() {
	cat <<-END

		## kvwatch with the large model

		| figure | result |
		|---|--:|
		| memory when all was done (RSS) | $(calc "${RESULT[rss]} / 1024" 1) MiB |
		| the most it ever was | $(calc "${RESULT[hwm]} / 1024" 1) MiB |
		| memory after a start (RSS) | $(calc "${RESULT[rss_fresh]} / 1024" 1) MiB |
		| CPU of an hour at rest, from the median of 5 × $((idle / 5)) s | ${RESULT[idle_s]} s |
		| the most CPU in one of these | ${RESULT[idle_most_ms]} ms |
		| its start, all in force already, and a change in the traffic | $(ms "${RESULT[restart_us]}" 0) ms |
		| its start at an empty HAProxy to the last environment in the traffic | $(ms "${RESULT[start_us]}" 0) ms |
		| the longest time for which it did not listen, in all of the changes before | $(ms "${RESULT[loop_us]}" 1) ms |
		| the longest time for which it did not listen, in that start | $(ms "${RESULT[start_loop_us]}" 1) ms |
		| HAProxy's own reading of the files, which is done twice in that: check and reload | $(ms "${RESULT[parse_us]}" 0) ms |
	END
}

# --- rendering ---------------------------------------------------------------------------------

measure_render() {
	local size

	for size in "${sizes[@]}"; do
		RESULT[$size,render]=$("$BENCH_BIN/render" "$size" 15) || die 'render'
		say "$size render: ${RESULT[$size,render]}"
	done
}

print_render() {
	local size envs instances line

	cat <<-'END'

		## The model by itself

		Milliseconds: reading all values, a full rendering, and the new snapshot after one change, which
		a change waits for; cold: when others have used the processor's caches meanwhile.

		| environments | instances | bytes rendered | all values read | full rendering | snapshot after a change | cold |
		|--:|--:|--:|--:|--:|--:|--:|
	END
	for size in "${sizes[@]}"; do
		read -r envs instances < <(count_of "$size")
		line=${RESULT[$size,render]}
		printf '| %s | %s | %s | %s | %s | %s | %s |\n' "$envs" "$instances" "$(value "$line" bytes)" \
			"$(value "$line" fill_ms)" "$(value "$line" render_ms)" "$(value "$line" change_ms)" \
			"$(value "$line" cold_ms)"
	done
}

# --- requests a second -------------------------------------------------------------------------

# One thread of HAProxy with a core to itself; who asks and who answers share another.
pin() { if (($(nproc) > 1)); then echo "taskset -c $1"; fi; }

start_rate_router() { # NAME CONFIG
	# shellcheck disable=SC2046 # a list of words
	start "rate-$1" $(pin 0) haproxy -db -f "$2"
}

# What a setting costs: the router of 10 environments with it.
declare -A RATE_EXTRA=(
	[log]='haproxy.log={to: stdout}'
	[text-log]='haproxy.log={to: stdout, format: text}'
	[metrics]='haproxy.metrics=true'
)
rate_extras=(log text-log metrics)
rate_routers=("$SMALL" "$LARGE" hand "${rate_extras[@]}")

start_rate_routers() {
	local name size

	for name in "$SMALL" "$LARGE" "${rate_extras[@]}"; do
		size=$name
		[[ -z ${RATE_EXTRA[$name]:-} ]] || size=$SMALL
		[[ $size != "$name" ]] || fill "$size"
		ports 2
		RATE_PORT[$name]=${PORTS[0]}
		write_settings "etcd.prefix=$(prefix_of "$size")" "haproxy.bind=[\"127.0.0.1:${PORTS[0]}\"]" \
			"haproxy.admin_socket=$T/run/rate-$name.sock" \
			"haproxy.internal_bind=[\"127.0.0.1:${PORTS[1]}\"]" haproxy.local_bind=[] \
			'haproxy.stats_bind=""' ${RATE_EXTRA[$name]:+"${RATE_EXTRA[$name]}"}
		run_tool cfgrender --output-dir "$T/rate/$name" || die "cfgrender: $ERR"
		start_rate_router "$name" "$T/rate/$name/haproxy.cfg"
	done
	ports 1
	RATE_PORT[hand]=${PORTS[0]}
	# What somebody would write for one service: the same time limits, connections kept and used
	# again and tries as ours, and who the client is; but no look-up, and nothing said of an
	# environment.
	cat >"$T/rate/hand.cfg" <<-END
		defaults
		    mode http
		    balance roundrobin
		    timeout connect 2s
		    timeout client 60s
		    timeout server 60s
		    timeout queue 5s
		    timeout http-request 10s
		    timeout http-keep-alive 60s
		    option http-keep-alive
		    http-reuse safe
		    option idle-close-on-response
		    retries 3
		    option redispatch 1
		frontend all
		    bind 127.0.0.1:${PORTS[0]}
		    option forwardfor
		    default_backend one
		backend one
		    server a 127.100.0.0:$APP_PORT
	END
	start_rate_router hand "$T/rate/hand.cfg"
}

# one_rate NAME: requests a second, and the CPU of one request in HAProxy, in microseconds
one_rate() {
	local pid=${PID[rate-$1]} before line

	before=$(cpu_ns "$pid")
	# shellcheck disable=SC2046 # a list of words
	line=$($(pin 1) "$BENCH_BIN/rate" "127.0.0.1:${RATE_PORT[$1]}" www-env-00000.example.com 32 \
		$((seconds * 1000))) || die 'rate'
	[[ $(value "$line" failed) == 0 ]] || die "the router $1: $line"
	printf '%s %s\n' "$(value "$line" rate)" \
		"$(calc "($(cpu_ns "$pid") - $before) / 1000 / $(value "$line" requests)")"
}

measure_rate() {
	local round name

	mkdir -p "$T/rate"
	start_rate_routers
	for name in "${rate_routers[@]}"; do
		wait_for 20 fetch www-env-00000.example.com "http://127.0.0.1:${RATE_PORT[$name]}/" ||
			die "the router $name does not come up"
	done
	for ((round = 0; round < rounds; round++)); do
		for name in "${rate_routers[@]}"; do
			one_rate "$name" >>"$T/rate/$name.rates"
		done
	done
	for name in "${rate_routers[@]}"; do
		RESULT[rate,$name]=$(cut -d ' ' -f 1 "$T/rate/$name.rates" | median)
		RESULT[cpu,$name]=$(cut -d ' ' -f 2 "$T/rate/$name.rates" | median)
		say "$name: ${RESULT[rate,$name]} requests a second, ${RESULT[cpu,$name]} us each"
		stop "rate-$name"
	done
}

print_rate() {
	local name words

	cat <<-END

		## Requests a second

		One thread of HAProxy on one core, 32 kept connections, $rounds rounds of $seconds s in turn,
		medians.  The CPU of a request is HAProxy's own, whoever else is slow; "by CPU" is that of the
		hand-written one divided by it.  That one has the same time limits, reuse of connections and
		retries as ours, and \`option forwardfor\`; it looks nothing up, and tells the service nothing.

		| router | requests a second | × hand-written | × 10 environments | CPU of a request, µs | × hand-written by CPU |
		|---|--:|--:|--:|--:|--:|
	END
	for name in hand "$SMALL" "$LARGE"; do
		words="${name%%x*} environments"
		[[ $name != hand ]] || words='hand-written, one backend'
		printf '| %s | %.0f | %s | %s | %s | %s |\n' "$words" "${RESULT[rate,$name]}" \
			"$(ratio "${RESULT[rate,$name]}" "${RESULT[rate,hand]}")" \
			"$(ratio "${RESULT[rate,$name]}" "${RESULT[rate,$SMALL]}")" "${RESULT[cpu,$name]}" \
			"$(ratio "${RESULT[cpu,hand]}" "${RESULT[cpu,$name]}")"
	done
	cat <<-END

		What settings cost: requests a second with them divided by those without, of 10 environments, by
		the CPU of a request.  Goals: 0.9 with a log, 0.95 with metrics.

		| setting | CPU of a request, µs | × without, by CPU |
		|---|--:|--:|
	END
	for name in "${rate_extras[@]}"; do
		printf '| `%s` | %s | %s |\n' "${RATE_EXTRA[$name]}" "${RESULT[cpu,$name]}" \
			"$(ratio "${RESULT[cpu,$SMALL]}" "${RESULT[cpu,$name]}")"
	done
}

# --- what is lost ------------------------------------------------------------------------------

# The master cannot be asked while it restarts itself.
reload_count() {
	wait_for 5 says '[0-9]+ +master' haproxy_master 'show proc' || die 'no master answers'
	haproxy_master 'show proc' | awk '$2 == "master" { print $3 }'
}

# Changes under a load to hosts whose environments change, with and without keep-alive.
lost_by() { # SIZE KIND COUNT PAUSE RATE-OF-EACH ENV...
	local size=$1 kind=$2 count=$3 pause=$4 rate=$5 env mode names=() name key totals number reloads line

	shift 5
	for env in "$@"; do
		for mode in '' --keepalive; do
			name=load-$kind-$env$mode
			names+=("$name")
			# shellcheck disable=SC2086 # one word or none
			start "$name" "$TEST_BIN/load" --duration 30m --url "$HTTP/" -H "Host: www-$env.example.com" \
				--connections 4 --rate "$rate" $mode
		done
	done
	reloads=$(reload_count)
	line=$(change "$size" "$kind" --trials "$count" --pause "$pause") || exit 1
	say "$count changes ($kind), the last one: $line"
	RESULT[lost,$kind,reloads]=$(($(reload_count) - reloads))
	for name in "${names[@]}"; do
		stop "$name"
		mode=new
		[[ $name != *--keepalive ]] || mode=kept
		totals=$(tail -n 1 "$T/log/$name")
		for key in requests failed; do
			number=$(value "$totals" $key)
			[[ $number == [0-9]* ]] || die "$name gives no total of $key: $totals"
			RESULT["lost,$kind,$mode,$key"]=$((${RESULT["lost,$kind,$mode,$key"]:-0} + number))
		done
		grep '^failed' "$T/log/$name" | sed "s/^/bench: $name: /" >&2
	done
}

measure_lost() {
	local size=100x10x2

	fill "$size"
	start_router "$size"
	lost_by "$size" mixed "$mixed" 10ms 150 env-00000 grow tilt fresh
	lost_by "$size" builds "$mixed" 40ms 600 fresh
	stop kvwatch
	stop haproxy
}

lost_all() { echo $((RESULT[lost,$1,new,failed] + RESULT[lost,$1,kept,failed])); } # KIND

print_lost() {
	local kind mode words

	cat <<-END

		## Requests lost

		Under 1,200 requests a second: $mixed mixed changes, 10 ms apart, beside requests to four hosts
		whose environments change; and $mixed versions that were never there before, 40 ms apart, beside
		requests to the one whose environment takes them, and each takes the only instance of the one
		before with it.

		| changes | reloads | connections | requests | failed |
		|---|--:|---|--:|--:|
	END
	for kind in mixed builds; do
		words='mixed'
		[[ $kind == mixed ]] || words='new versions'
		for mode in new kept; do
			printf '| %s | %s | %s | %s | %s |\n' "$words" "${RESULT[lost,$kind,reloads]}" \
				"$([[ $mode == kept ]] && echo kept || echo 'one for each request')" \
				"${RESULT[lost,$kind,$mode,requests]}" "${RESULT[lost,$kind,$mode,failed]}"
		done
	done
}

# --- registration ------------------------------------------------------------------------------

# An instance that checks ask every 200 ms, and believe dead after two failures.
measure_register() {
	local size=$SMALL line

	fill "$size"
	start_router "$size"
	line=$("$BENCH_BIN/register" "127.0.0.1:$HTTP_PORT" "$APP_PORT" $((trials / 2)) \
		"exec '$MAYFLY_BIN/svcregister' -c '$T/mayfly.yaml' register svc-0 grow \$ADDRESS \
		--check tcp:\$CHECK --check-interval 200ms --check-fall 2 --log-level error") || die 'register'
	say "register: ${line//$'\n'/}"
	RESULT[register]=$line
	stop kvwatch
	stop haproxy
}

print_register() {
	local figure words line=${RESULT[register]}

	cat <<-'END'

		## Registration

		Milliseconds, with 10 environments: an instance whose check is asked every 200 ms, is believed
		dead after two failures and alive after one success.

		| from | to | p50 | max |
		|---|---|--:|--:|
	END
	while IFS='|' read -r figure words; do
		printf '| %s | %s | %s |\n' "$words" "$(ms "$(value "$line" "${figure}_p50_us")" 1)" \
			"$(ms "$(value "$line" "${figure}_max_us")" 1)"
	done <<-'END'
		start|start of `svcregister` | the first answer
		dead|death of the instance | its last request
		back|its return | its first answer
		end|SIGTERM of `svcregister` | its last request
	END
}

# --- names -------------------------------------------------------------------------------------

# dnsmasq's two ways, a file for each service or one for all, with HAProxy beside.
measure_names() {
	local way count line settings

	for count in 100 10000; do
		for way in hostsdir hosts; do
			settings=("etcd.prefix=/bench-$way-$count")
			[[ $way == hosts ]] || settings+=(dnsmasq.hosts= dnsmasq.reload= "dnsmasq.hostsdir=$T/dns")
			write_settings "${settings[@]}"
			rm -rf "$T"/haproxy/* "$T"/dns/* "$T"/run/*.sock "$T/state"
			mkdir "$T/state"
			if [[ $way == hosts ]]; then start_dnsmasq; else start_dnsmasq hostsdir; fi
			start_tool kvwatch
			start_haproxy
			line=$("$BENCH_BIN/names" "${ETCD_URLS[0]}" "/bench-$way-$count" "$DNS_PORT" "$count" \
				"$name_trials" 50) || die "names, $way"
			RESULT[names,$way,$count]=$line
			say "$count names by $way: $line"
			stop kvwatch
			stop haproxy
			stop dnsmasq
		done
	done
}

print_names() {
	local way count line words

	cat <<-END

		## Names

		Milliseconds from etcd's acknowledgement of the first instance of a service, or of its end, to
		the first answer of dnsmasq that says so, 50 ms after the one before; $name_trials of each, while
		HAProxy takes in the same changes.

		| names | dnsmasq reads | new p50 | p99 | max | gone p50 | p99 | max |
		|--:|---|--:|--:|--:|--:|--:|--:|
	END
	for count in 100 10000; do
		for way in hostsdir hosts; do
			line=${RESULT[names,$way,$count]}
			words='a file for each service'
			[[ $way == hostsdir ]] || words='one file, by SIGHUP'
			printf '| %s | %s | %s | %s | %s | %s | %s | %s |\n' "$count" "$words" \
				"$(ms "$(value "$line" put_p50_us)" 1)" "$(ms "$(value "$line" put_p99_us)" 1)" \
				"$(ms "$(value "$line" put_max_us)" 1)" "$(ms "$(value "$line" gone_p50_us)" 1)" \
				"$(ms "$(value "$line" gone_p99_us)" 1)" "$(ms "$(value "$line" gone_max_us)" 1)"
		done
	done
}

# --- the summary -------------------------------------------------------------------------------

goal() { printf '| %s | %s | %s |\n' "$@"; }

print_goals() {
	local p50 p99 large

	cat <<-'END'

		## Goals

		| figure | goal | result |
		|---|---|---|
	END
	if wants change; then
		p50=$(value "${RESULT[$SMALL,flip]:-}" p50_us)
		p99=$(value "${RESULT[$SMALL,flip]:-}" p99_us)
		large=$(value "${RESULT[$LARGE,flip]:-}" p50_us)
		goal 'change to traffic, 10 environments' 'p50 ≤ 3 ms, p99 ≤ 10 ms' "p50 $(ms "$p50") ms, p99 $(ms "$p99") ms"
		goal 'the same, 5,000 environments, 10,000 instances' '≤ 1.5 × that' "$(ratio "$large" "$p50") ×"
	fi
	if [[ -n ${RESULT[storm]:-} ]]; then
		goal "an unrelated change beside ${RESULT[storm_rate]} others a second" '≤ 100 ms' \
			"slowest $(ms "$(value "${RESULT[storm]}" max_us)") ms"
	fi
	if wants lost; then
		goal "requests failed over $mixed changes" 0 "$(lost_all mixed)"
		goal "requests failed over $mixed new versions in a row" 0 "$(lost_all builds)"
		goal 'reloads in these' 'the coalesced ones' "${RESULT[lost,builds,reloads]}"
	fi
	if wants rate; then
		goal 'requests a second at 5,000 environments' '≥ 0.95 × 10 environments' \
			"$(ratio "${RESULT[rate,$LARGE]}" "${RESULT[rate,$SMALL]}") ×"
		goal '' '≥ 0.85 × hand-written' "$(ratio "${RESULT[rate,$LARGE]}" "${RESULT[rate,hand]}") ×"
	fi
	if wants render; then
		goal 'full rendering of the large model' '≤ 50 ms' "$(value "${RESULT[$LARGE,render]:-}" render_ms) ms"
	fi
	! wants command || goals_of_command
	! wants wait || goals_of_wait
	if wants idle; then
		goal "kvwatch's memory, large model" '≤ 32 MiB' "$(calc "${RESULT[rss]} / 1024" 1) MiB"
		goal 'CPU of an hour at rest' '0' "${RESULT[idle_s]} s"
		goal 'start to converged, large model' '≤ 500 ms beside HAProxy'\''s own parse time' \
			"$(calc "(${RESULT[start_us]} - 2 * ${RESULT[parse_us]}) / 1000" 0) ms"
	fi
}

# --- the run -----------------------------------------------------------------------------------

start_bench_servers

wants render && measure_render
for size in "${sizes[@]}"; do
	fill "$size"
	! wants change || measure_changes "$size"
done
if wants idle; then
	settings_for "$LARGE"
	if [[ -z ${RESULT[rss]:-} ]]; then
		fill "$LARGE"
		start_router "$LARGE"
		measure_idle "$LARGE"
		stop kvwatch
		stop haproxy
	fi
	measure_parse
	measure_start "$LARGE"
	RESULT[start_us]=$START_US
	RESULT[start_loop_us]=$(loop_longest_us)
	stop kvwatch
	stop haproxy
	say "start to converged ${RESULT[start_us]} us, HAProxy's parse ${RESULT[parse_us]} us"
fi
if wants command; then
	fill "$LARGE"
	measure_command
fi
wants rate && measure_rate
wants lost && measure_lost
wants register && measure_register
wants names && measure_names
! wants wait || measure_wait

print_machine
print_goals
! wants change || print_changes
! wants change || print_storm
! wants rate || print_rate
! wants render || print_render
! wants idle || print_idle
! wants lost || print_lost
! wants register || print_register
! wants names || print_names
! wants command || print_command
! wants wait || print_wait
