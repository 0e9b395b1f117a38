#!/bin/bash
# An environment says how long it lives: it goes then, is kept for those who want it back, and the file
# that it came from does not fight for it.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

use_ports
ports 1
ADDRESS[metrics]=127.0.0.1:${PORTS[0]}
start_mayfly "metrics_bind=\"${ADDRESS[metrics]}\""
start_app web web 1
etcd_put backends/web/1/i "${ADDRESS[web]}"
mayfly() { run_tool mayfly "$@" || :; }
# environment NAME LINE...: its file
environment() {
	printf '%s\n' "name: $1" "${@:2}" 'services: [{name: web, version: 1, route: /}]' >"$T/environments/.$1.new"
	mv "$T/environments/.$1.new" "$T/environments/$1.yaml"
}
is_there() { etcd_has "environments/$1"; }
expired() { not is_there "$1" && etcd_has "archive/$1"; } # ENV
lease_of() { etcdctl get -w json "/mayfly/$1" | sed -n 's/.*"lease":\([0-9]*\).*/\1/p'; } # KEY
ttl_of() { etcdctl lease timetolive "$(printf %x "$(lease_of "$1")")" | sed -n 's/.*granted with TTL(\([0-9]*\)s).*/\1/p'; }
in_seconds() { date -u -d "+$1 seconds" +%Y-%m-%dT%H:%M:%SZ; } # SECONDS

note 'a time, and a span of time'
environment prod
environment pr-1 'expires: 2030-01-31T19:00:00+01:00'
environment pr-2 'expires: 8h'
within 'both are served' 10 serves www-pr-2.example.com '^web 1'
noted() { [[ $(etcd_keys lifetimes/) == $'/mayfly/lifetimes/pr-1\n/mayfly/lifetimes/pr-2' ]]; }
within 'what was seen of them is noted, and of no other' 10 noted
mayfly env list -o json
like "$OUT" '"name":"pr-1".*"expires":"2030-01-31T19:00:00\+01:00","expires_at":"2030-01-31T18:00:00Z".*"name":"pr-2".*"expires":"8h","expires_at":"20' \
	'when they end is said'
mayfly env list
like "$(head -n 1 <<<"$OUT")" ' STATE +EXPIRES +OWNER' '  in a column'
mayfly env show pr-1
like "$OUT" '^Expires: +2030-01-31T18:00:00Z$' '  and on the page of one'
mayfly env show prod
unlike "$OUT" 'Expires' '  but not of one that has no end'
within 'kvwatch says it, too' 10 says '"ends_count":2,"ends":\[\{"object":"environment pr-2","reason":"expires at ' etcd_get "nodes/test"
ok '  and its metrics' says '^mayfly_environments_limited 2$' curl -s "http://${ADDRESS[metrics]}/metrics"
noted=$(etcd_get lifetimes/pr-2)
etcd_put environments/pr-2 "$(etcd_get environments/pr-2)"
environment pr-3 'expires: 1s'

note 'the end'
within 'it goes when its time is over' 20 expired pr-3
is "$(etcd_get lifetimes/pr-2)" "$noted" 'a put that changes nothing does not count'
within 'it is served no longer' 10 not serves www-pr-3.example.com '^web 1'
is "$(etcd_keys lifetimes/pr-3)" '' 'nothing is noted of it any more'
like "$(etcd_get archive/pr-3)" '^\{"who":"kvwatch@.*","with":"expires: 1s","at":"20.*","value":"\{\\"name\\":\\"pr-3\\"' \
	'what it was is archived'
is "$(ttl_of archive/pr-3) $(ttl_of "$(etcd_keys history/pr-3/ | sed 's,^/mayfly/,,')")" '2592000 2592000' '  for thirty days, and in its history'
is "$(etcd_keys locks/)" '' 'the lock is free again'
within 'its file does not fight for it' 10 log_has envwatch 'environment has expired.*environment=pr-3'
stop envwatch
mark envwatch
start_again envwatch
within '  nor after a start' 10 log_has envwatch 'environment has expired.*environment=pr-3'
environment pr-3 'expires: 8h'
within 'a change of the file brings it back' 10 serves www-pr-3.example.com '^web 1'
is "$(etcd_keys archive/)" '' '  out of the archive'

note 'back by hand'
environment pr-4 'expires: 1s'
within 'one is over' 20 expired pr-4
mark envwatch
said 0 "environment pr-4 put back to revision $(etcd_keys history/pr-4/ | sed 's,.*/0*,,')" 'it is restored' env restore pr-4
within '  and ends again' 20 expired pr-4
rm "$T/environments/pr-4.yaml" "$T/environments/pr-2.yaml"
within 'its file goes' 10 log_has envwatch 'environment deleted.*environment=pr-2'
environment pr-4 'expires: 1s'
within '  and comes again as it was, which is a change' 10 log_has envwatch 'environment put.*environment=pr-4'

note 'one that others extend'
environment base "expires: $(in_seconds 2)"
printf '%s\n' 'name: child' 'extends: base' 'services: []' >"$T/environments/child.yaml"
within 'is kept' 20 log_has kvwatch 'has expired, and is kept.*environment=base by=child'
ok '  and there' is_there base
mayfly check
like "$OUT" 'environment base.*has expired, and is kept, as child extends it' '  which is said'
rm "$T/environments/child.yaml"
within '  until nobody does' 20 expired base
mayfly env restore base
like "$STATUS $ERR" '^0 .*environment expires again at once: apply it with another date.*environment=base' \
	'put back, it has no time left, which is said'
within '  and goes again' 20 expired base
mayfly env restore pr-2
unlike "$ERR" 'expires again' '  but a span of time begins anew'

done_testing
