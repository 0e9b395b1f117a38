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
