#!/bin/bash
# Two thousand services of a directory, each with its health check, stay registered by one small
# process at a few calls a second, while hundreds of others hang: they accept and never answer.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl curl

# As many as a machine that is slowed down can ask, at the pace that it can.
count=$((2000 / SLOW)) hung=$((200 / SLOW))
pace="interval: $((5 * SLOW))s, timeout: ${SLOW}s, fall: 2"
D=$T/services.d
mkdir "$D"
start_etcd
write_settings
start_app app many 1
start_app mute mute 1

instances() { etcd_keys "backends/${1:-many}/" | wc -l; }
are() { [[ $(instances) == "$1" ]]; }
at_most() { # GOT MOST NAME
	ok "$3: $1" test "$1" -le "$2"
}
small() { # NAME: not what valgrind or a sanitizer adds
	((SLOW > 1)) || at_most "$(sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/${PID[svcregister]}/status")" \
		$((32 * 1024)) "$1, in KiB"
}
kept_alive() { (($(etcd_calls LeaseKeepAlive) >= $1)); }

# Through a few rounds of checks and three of the lease nothing is written, and little is asked.
stays() { # NAME
	local rev start before

	rev=$(etcd_revision) start=${EPOCHREALTIME/./} before=$(etcd_calls)
	within "$1: the lease is kept alive" 60 kept_alive $(($(etcd_calls LeaseKeepAlive) + 3))
	at_most $((($(etcd_calls) - before) * 1000000 / (${EPOCHREALTIME/./} - start))) 20 'at this many calls a second'
	is "$(etcd_revision)" "$rev" 'nothing is written'
	is "$(instances)" $count 'all are there'
}

# With a soft limit of open files that is too small for all that wait for an answer; valgrind lets
# nobody raise it.
start_dir() {
	[[ -n ${VALGRIND:-} ]] || ulimit -S -n 128
	start_tool svcregister dir "$D"
	ulimit -S -n "$(ulimit -H -n)"
}
service() { # N
	printf '{service: many, version: 1, address: %s, id: i%04d, ttl: 6s, check: {http: /, %s}}\n' \
		"${ADDRESS[app]}" "$1" "$pace"
}
for ((i = 0; i < count; i++)); do
	service "$i" >"$D/$i.yaml"
done
for ((i = 0; i < hung; i++)); do
	printf -- '- {service: mute, version: 1, address: "%s", id: i%04d, check: {http: /, %s}}\n' \
		"${ADDRESS[mute]}" "$i" "$pace"
done >"$D/mute.yaml"
send_signal STOP mute

before=$(etcd_calls) start=${EPOCHREALTIME/./}
start_dir
within 'all are registered, a file each' 60 are $count
at_most $((($(etcd_calls) - before) / ((${EPOCHREALTIME/./} - start) / 1000000 + 1))) 20 'at this many calls a second'
is "$(etcd_calls LeaseGrant)" 1 'under one lease'
is "$(instances mute)" 0 'but those that hang'
stays 'while others hang'
small 'it is small'

before=$(etcd_calls Txn)
service 7 | sed 's/ttl/weight: 7, ttl/' >"$D/7.yaml"
within 'one changes' 10 says '"weight":7' etcd_get backends/many/1/i0007
at_most $(($(etcd_calls Txn) - before)) 2 'calls for it'

send_signal CONT mute
awake() { (($(instances mute) == hung)); }
within 'those that hung answer, and come' 60 awake
send_signal STOP app
within 'the others hang' 60 are 0
is "$(instances mute)" $hung 'and these stay'
ok 'nothing fails for want of open files' not log_has svcregister 'Failed to connect|no file descriptor'
send_signal CONT app
within 'until they are back' 60 are $count
rm "$D/mute.yaml"
gone() { (($(instances mute) == 0)); }
within 'a file with hundreds goes' 10 gone

stop svcregister
is "$STATUS" 0 'SIGTERM ends well'
is "$(instances)" 0 'all are gone at once'
is "$(etcd_calls LeaseRevoke)" 1 'by one call'

rm "$D"/*.yaml
for ((i = 0; i < count; i++)); do
	printf -- '- %s\n' "$(service "$i")" >>"$D/$((i / 10)).yaml"
done
before=$(etcd_calls) start=${EPOCHREALTIME/./}
start_dir
within 'all are registered, ten a file' 60 are $count
at_most $((($(etcd_calls) - before) / ((${EPOCHREALTIME/./} - start) / 1000000 + 1))) 20 'at this many calls a second'
stays 'in these files'
small 'it is small'

done_testing
