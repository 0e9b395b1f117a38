#!/bin/bash
# An environment says for how long it may be unused.  HAProxy sees who is used, every node says what it
# saw, and one that nobody uses ends as one does whose time is over.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

use_ports
ports 1
ADDRESS[metrics]=127.0.0.1:${PORTS[0]}
start_etcd
write_settings dnsmasq.hosts= dnsmasq.reload= "metrics_bind=\"${ADDRESS[metrics]}\""
start_tool kvwatch
start_haproxy
# Another node of the fleet, whose HAProxy nobody has started: it sees no request.
TOP_T=$T T=$T/b
mkdir -p "$T/run" "$T/haproxy" "$T/dns"
ln -s "$TOP_T/log" "$TOP_T/cmd" "$T"
write_settings node=b "state_dir=$T/state" dnsmasq.hosts= dnsmasq.reload=
start_tool_as b kvwatch --config "$T/mayfly.yaml"
T=$TOP_T
start_app web web 1
etcd_put backends/web/1/i "${ADDRESS[web]}"
mayfly() { run_tool mayfly "$@" || :; }
# environment NAME MORE: with MORE in its JSON
environment() { etcd_put "environments/$1" "{\"name\":\"$1\",\"services\":[{\"name\":\"web\",\"version\":\"1\",\"route\":\"/\"}]${2:+,$2}}"; }
is_there() { etcd_has "environments/$1"; }
expired() { not is_there "$1" && etcd_has "archive/$1"; } # ENV
map() { haproxy_cmd 'show map maps/activity'; }
activity() { map | sed -n "s/^0x[0-9a-f]* $1 //p"; } # ENV: 1 when it was used
is_counted() { [[ $(activity "$1") == "${2-0}" ]]; } # ENV [VALUE]
# use NAME...: a request a moment to each of them, until `unused`
use() {
	while :; do
		for name in "$@"; do fetch "www-$name.example.com" "$HTTP/$name"; done >/dev/null 2>&1
		sleep 0.3
	done &
	USER_PID=$!
}
unused() { kill "$USER_PID" && wait "$USER_PID" 2>/dev/null; }

note 'no environment says so'
environment prod
within 'one is served' 30 serves www-prod.example.com '^web 1'
unlike "$(cat "$T/haproxy/haproxy.cfg")" 'activity' 'HAProxy counts nothing'
like "$(map)" 'Unknown map' '  and has no map for it'

note 'some do'
environment far '"idle":"3d"'
within 'one is counted' 30 is_counted far
like "$(cat "$T/haproxy/haproxy.cfg")" 'set-map\(maps/activity\)' '  as HAProxy has a rule now'
reloads=$(haproxy_reloads)
environment busy '"idle":"6s"'
environment door '"idle":"6s","split":{"target":100}'
environment target '"idle":"6s"'
environment parent '"idle":"6s"'
etcd_put environments/child '{"name":"child","extends":"parent","services":[]}'
environment alone '"idle":"6s"'
etcd_put environments/page '{"name":"page","idle":"6s","services":[{"name":"none","version":"1","route":"/"}]}'
etcd_put environments/go '{"name":"go","idle":"6s","services":[{"name":"web","route":{"path":"/","redirect":"https"}}]}'
use busy door child page go
parent_is_kept() { log_has kvwatch 'has expired, and is kept.*environment=parent by=child'; }
within 'more of them need no reload' 30 is_counted alone
is "$(haproxy_reloads)" "$reloads" '  none at all'
within 'kvwatch says when they end' 10 says '"object":"environment far","reason":"expires at 20[^"]*Z, unless it is used"' etcd_get nodes/test
ok '  and its metrics' says '^mayfly_environments_limited [1-9]' curl -s "http://${ADDRESS[metrics]}/metrics"
mayfly env list -o json
like "$OUT" '"name":"far",.*"idle":"3d","used_at":"20[^"]*","expires_at":"20' '  and mayfly, with its last use'
mayfly env list
like "$(head -n 1 <<<"$OUT")" ' EXPIRES +IDLE ' '  in a column'
mayfly env show far
like "$OUT" $'Expires: +20.*Z\nIdle: +3d\nUsed: +20' '  and on the page of one'
within 'one that nobody uses goes' 40 expired alone
like "$(etcd_get archive/alone)" '"with":"idle: 6s"' '  and is archived, with the reason'
is "$(cat "$T/log/kvwatch" "$T/log/b" | grep -c 'has expired.*environment=alone by="idle: 6s"')" 1 '  by one of the nodes'
within '  and is not counted any more' 30 is_counted alone ''
within 'a use of a child is none of its parent, which is kept for the child' 40 parent_is_kept
used=$(etcd_get lifetimes/busy | sed 's/.*"used"://')
used_again() { [[ $(etcd_get lifetimes/busy | sed 's/.*"used"://') > "$used" ]]; }
for name in busy door target page go; do ok "$name is used, and lives" is_there "$name"; done

note 'HAProxy restarts and reloads'
etcd_put services/other '{"balance":"leastconn"}'
etcd_put backends/other/1/i "${ADDRESS[web]}"
etcd_put environments/more '{"name":"more","services":[{"name":"other","version":"1","route":"/"}]}'
is_reloaded() { (($(haproxy_reloads) > reloads)); }
within 'it reloads' 30 is_reloaded
within '  and counts' 30 is_counted busy 1
stop haproxy
start_haproxy
within 'it starts anew, and counts' 40 is_counted busy 1
used=$(etcd_get lifetimes/busy | sed 's/.*"used"://')
within '  which is said to the fleet' 40 used_again
for name in busy door target; do ok "  $name lives" is_there "$name"; done

note 'the end'
unused
mayfly env keep far --for 1h
like "$STATUS $OUT" '^0 environment far kept until' 'one can be kept'
for name in busy door target page go; do within "$name is used no longer, and goes" 30 expired "$name"; done
not_held() { not log_has kvwatch 'held back' && not log_has b 'held back'; }
ok '  which is not taken for a loss' not_held
ok 'far is there' is_there far

done_testing
