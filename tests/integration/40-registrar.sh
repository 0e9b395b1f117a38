#!/bin/bash
# Registration: a lease that is lost is granted anew, a key that is deleted comes back, a killed
# registrar's key goes by itself, and what is wrong is said.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl

start_etcd
write_settings
key_of() { etcd_keys "backends/$1/" | head -n 1; }
has() { etcd_keys "backends/$1/"; }

start_tool_as one svcregister register web 1 127.0.0.1:4001 --ttl 2s
within 'an instance is registered' 10 has web/1
run_tool svcregister list
is "$OUT" 'web 1 127.0.0.1:4001' 'and listed'
key=$(key_of web/1)
lease() { etcdctl get --write-out=json "$key" | sed -n 's/.*"lease":\([0-9]*\).*/\1/p'; }
first=$(lease)
ok 'under a lease' test -n "$first"

ok 'the lease is revoked' etcdctl lease revoke "$(printf '%x' "$first")"
back() { [[ -n $(lease) && $(lease) != "$first" ]]; }
within 'it is granted and put again within 2 s' 2 back
etcdctl del "$key" >/dev/null
within 'a deleted key comes back within 2 s' 2 has web/1

start_tool_as two svcregister register web 2 '[::1]:4002' --ttl 2s --weight 50 --id second
within 'IPv6, a weight, an id' 10 says '"weight":50' etcd_get backends/web/2/second
run_tool svcregister list web 2
is "$OUT" 'web 2 [::1]:4002' 'listed by version'
stop two KILL
within 'a killed registrar is gone within its time to live and 2 s' 4 not has web/2

stop one
is "$STATUS" 0 'SIGTERM ends well'
ok 'and deregisters' not has web/1

start_tool_as one svcregister register web 1 127.0.0.1:4001 --ttl 5s
within 'once more' 10 has web/1
first=$(lease)
stop etcd KILL # in good order, newer ones hear nobody for up to 7 s, but end leases
start_again etcd
within 'etcd is restarted' 20 etcd_is_ready "${ETCD_URLS[0]}"
mark one
run_tool svcregister list
is "$OUT" 'web 1 127.0.0.1:4001' 'an outage shorter than the lease changes nothing'
is "$(lease)" "$first" 'not even the lease'

start_tool_as twice svcregister register web 3 127.0.0.1:4003 --ttl 1h
within 'one that will get its signal twice, as from timeout(1)' 10 has web/3
send_signal TERM twice
send_signal TERM twice 2>/dev/null
wait_exit twice
is "$STATUS" 0 'ends well'
ok 'and deregisters' not has web/3
ok 'without a word on etcd' not log_has twice 'not deregistered'

etcd_put backends/web/1/by-hand 10.0.0.9:80
etcd_put backends/web/1/bad 'not an address'
run_tool svcregister list web
is "$OUT" $'web 1 10.0.0.9:80\nweb 1 127.0.0.1:4001' 'a key put by hand counts'
like "$ERR" 'web/1/bad' 'a bad one is named'
run_tool svcregister deregister web 1 10.0.0.9:80
is "$STATUS" 0 'an instance is deregistered by its address'
ok 'it is gone' not etcd_has backends/web/1/by-hand

# --- another one's name -----------------------------------------------------------------------

start_tool_as holder svcregister register name 1 127.0.0.1:4010 --id same --ttl 2s
within 'an instance with a name' 10 etcd_has backends/name/1/same
id_of() { etcdctl get --write-out=json "/mayfly/backends/$1" | sed -n 's/.*"lease":\([0-9]*\).*/\1/p'; }
lease_of() { printf '%x' "$(id_of "$1")"; }
start_tool_as other svcregister register name 1 127.0.0.1:4011 --id same --ttl 2s
within 'another with that name waits, and says for whom' 10 log_has other \
	"warn .*not registered: waiting .*127.0.0.1:4010 has its key under another lease, $(lease_of name/1/same)"
is "$(etcd_get backends/name/1/same)" 127.0.0.1:4010 'what is there stays'
mark holder
start_tool_as thief svcregister register name 1 127.0.0.1:4012 --id same --ttl 2s --steal
within 'unless it is stolen' 10 says 127.0.0.1:4012 etcd_get backends/name/1/same
within 'which its holder says, and by whom' 10 log_has holder \
	'warn .*no longer registered: waiting .*127.0.0.1:4012 has its key'
stop holder
is "$STATUS" 0 'whose end is in order'
is "$(etcd_get backends/name/1/same)" 127.0.0.1:4012 'and takes nobody along'
stop thief KILL
within 'who waits has it when the lease of a killed one is over' 6 says 127.0.0.1:4011 \
	etcd_get backends/name/1/same
within 'and is registered' 5 log_has other 'info .*registered key=/mayfly/backends/name/1/same'
old=$(id_of name/1/same)
stop other KILL
start_tool_as other svcregister register name 1 127.0.0.1:4011 --id same --weight 7 --ttl 1m
taken() { [[ $(id_of name/1/same) != "$old" ]]; }
within 'what a crash has left at the same endpoint is taken over at once' 1 taken
ok 'with what has changed meanwhile' says '"weight":7' etcd_get backends/name/1/same
stop other
start_auto() {
	start_tool_as auto svcregister register name 1 127.0.0.1:auto --id same --ttl 2s --no-check \
		--drain-time 0s -- "${IDLE[@]}"
}
start_auto
within 'a program at any free port' 10 etcd_has backends/name/1/same
before=$(etcd_get backends/name/1/same)
stop auto KILL
start_auto
moved() { etcd_has backends/name/1/same && [[ $(etcd_get backends/name/1/same) != "$before" ]]; }
within 'started again at another port, it has its name when its former lease is over' 6 moved
stop auto
etcd_put backends/name/1/same 10.0.0.9:80
start_tool_as other svcregister register name 1 127.0.0.1:4011 --id same
within 'a key without a lease is nobody'"'"'s' 5 says 127.0.0.1:4011 etcd_get backends/name/1/same
stop other
run_tool svcregister register name 1 127.0.0.1:4011 --steal
is "$STATUS" 64 'what nobody else can have is not stolen'
like "$ERR" 'steal: only with --env or --id' 'with the reason'

# --- only some services -----------------------------------------------------------------------

run_tool svcregister register name 1 127.0.0.1:4011 --allow-service 'team-*' --allow-service nam
is "$STATUS" 77 'a service that may not be announced here is refused'
like "$ERR" 'service name is not among those allowed here: team-\*, nam' 'with what may'
mkdir "$T/some"
printf '%s\n' '- {service: team-a, address: 127.0.0.1, port: 4020}' \
	'- {service: name, address: 127.0.0.1, port: 4021}' >"$T/some/both.yaml"
write_settings 'registrar.allow_services=["team-*"]'
start_tool_as some svcregister dir "$T/some"
within 'of a directory those are announced that may be' 10 has team-a/latest
within 'the other is named, with its file' 5 log_has some \
	'service name/.*service name is not among those allowed here: team-\*.*file both.yaml'
ok 'and is not there' not has name
stop some
start_tool_as some svcregister dir "$T/some" --allow-service name
within 'an option counts more than the settings' 10 has name/latest
ok 'for all' not has team-a
stop some
write_settings

run_tool svcregister register 'we b' 1 127.0.0.1:1
like "$STATUS" '^6[45]$' 'a bad service name is refused'
like "$ERR" 'a space' 'with the reason'
run_tool svcregister register web 1 example.com:80
like "$STATUS" '^6[45]$' 'a host name is no address'
run_tool svcregister register web 1 web:8080
is "$STATUS" 65 'nor is the name of a container'
like "$ERR" 'not resolved here: give an address' 'which says what to do'
run_tool svcregister register web 1 127.0.0.1:1 --ttl 10
is "$STATUS" 64 'a duration without a unit is a wrong call'
run_tool svcregister
is "$STATUS" 64 'so is no command'

done_testing
