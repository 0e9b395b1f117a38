#!/bin/bash
# One kvwatch of a fleet ends an environment, whatever becomes of the others, of etcd, and of the one
# that had the lock.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl

start_etcd
write_settings
mayfly() { run_tool mayfly "$@" || :; }
TOP_T=$T
for node in a b; do
	T=$TOP_T/$node
	mkdir -p "$T/run" "$T/haproxy" "$T/dns"
	ln -s "$TOP_T/log" "$TOP_T/cmd" "$T"
	write_settings "node=$node" "state_dir=$T/state" dnsmasq.hosts= dnsmasq.reload=
	start_tool_as "$node" kvwatch --config "$T/mayfly.yaml"
	T=$TOP_T
done
in_seconds() { date -u -d "+$1 seconds" +%Y-%m-%dT%H:%M:%SZ; } # SECONDS
put() { etcd_put "environments/$1" "{\"name\":\"$1\",\"services\":[],\"expires\":\"$2\"}"; } # ENV EXPIRES
expired() { not etcd_has "environments/$1" && etcd_has "archive/$1"; } # ENV
granted() { etcd_calls LeaseGrant; }
more_than() { (($1 < $("${@:2}"))); } # N COMMAND...: prints a greater number

put once 1s
within 'one is ended by a fleet of two' 20 expired once
is "$(cat "$T/log/a" "$T/log/b" | grep -c 'has expired.*environment=once')" 1 '  by one of them'
is "$(etcd_keys history/once/ | wc -l) $(etcd_keys lifetimes/)" '1 ' '  which leaves its history, and nothing else'

# --- the lock
etcd_put locks/lifetimes somebody
put locked 1s
before=$(granted)
within 'another has the lock: it is tried again and again' 30 more_than $((before + 3)) granted
ok '  and nothing is ended' etcd_has environments/locked
is "$(etcd_get locks/lifetimes)" somebody '  nor is the lock taken away'
etcd_del locks/lifetimes
within '  until it is free' 20 expired locked

send_signal STOP a
put frozen 1s
within 'one of the fleet is frozen: the other ends it' 20 expired frozen
put frozen "$(in_seconds 3600)"
send_signal CONT a
stop b KILL
put killed 1s
within 'one is killed: the other ends it' 30 expired killed
ok '  and what is not over is there' etcd_has environments/frozen

# --- etcd, and people
put away 2s
within 'it is noted' 20 etcd_has lifetimes/away
send_signal STOP etcd
wait_for 10 is_stopped "${PID[etcd]}" || die 'etcd is not frozen'
within 'etcd is away at that moment, which is said' 40 log_has a 'environment that is to end cannot be attended to|out of reach'
send_signal CONT etcd
within '  so it goes later' 40 expired away

put kept "$(in_seconds 3)"
mayfly env keep kept --for 1h
like "$STATUS $OUT" '^0 environment kept kept until 20.*Z$' 'somebody keeps one'
mayfly env show kept
like "$OUT" "^Expires: +20" '  which is said'
etcd_put environments/no-end '{"name":"no-end","services":[]}'
said 0 'environment no-end unchanged' 'one without an end stays as it is' env keep no-end
said 66 '' 'one that is not there' env keep kebt
like "$ERR" 'environment "kebt": there is none: did you mean "kept"\?' '  and what is probably meant'
said 64 '' 'one day is the most for which the guard is off' allow-removal --for 2d
put short 1s
within 'another goes' 20 expired short
within '  but not the one that is kept, also when its time is over' 10 more_than "$(date -u -d "$(etcd_get environments/kept | sed 's/.*"expires":"\([^"]*\)".*/\1/')" +%s)" date +%s
ok '  which is still there' etcd_has environments/kept
mayfly env keep kept --for 1s
within '  until that is over, too' 20 expired kept

done_testing
