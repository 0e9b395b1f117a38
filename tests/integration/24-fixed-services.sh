#!/bin/bash
# Services that nobody registers: an address, a host name that HAProxy resolves, and a database that
# speaks no HTTP.  They are routed like any other.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

use_ports
ports 2
name_port=${PORTS[0]} listen=${PORTS[1]}
start names dnsmasq --keep-in-foreground --conf-file=/dev/null --log-facility=- --pid-file= \
	--user="$(id -un)" --port="$name_port" --listen-address=127.0.0.1 --bind-interfaces --no-resolv \
	--no-hosts --address=/far.example.com/127.0.0.1
start_mayfly "haproxy.nameservers=[\"127.0.0.1:$name_port\"]" 'routing.default_environment=prod'
for name in near far db-1 db-2; do start_app "$name" "${name%-*}" "$name"; done
port_of() { printf '%s' "${ADDRESS[$1]##*:}"; }

etcd_put environments/prod '{"name":"prod","prefix":"www","services":[{"name":"search","route":"/"},"db"]}'
within 'an environment names a service that is nowhere' 10 says '^503$' fetch_status www.example.com "$HTTP/"
etcd_put services/search "{\"addresses\":[\"${ADDRESS[near]}\"]}"
within 'it has an address, and answers' 10 serves www.example.com '^near '
ok '  between services, too' says '^near ' fetch search.service "$INTERNAL/"
within '  and all is one' 10 all_is_one

reloads=$(haproxy_reloads)
etcd_put services/search "{\"addresses\":[\"${ADDRESS[near]}\",\"${ADDRESS[db-1]}\"]}"
within 'another address' 10 serves www.example.com '^db '
etcd_put services/search "{\"addresses\":[\"${ADDRESS[near]}\"]}"
within '  which goes again' 10 all_is_one
is "$(haproxy_reloads)" "$reloads" '  both with no reload'
etcd_put backends/search/latest/own "${ADDRESS[db-1]}"
within 'an instance beside the fixed address' 10 serves www.example.com '^db '
ok '  which still answers' wait_for 10 serves www.example.com '^near '
etcd_del backends/search/latest/own

etcd_put services/search "{\"addresses\":[\"far.example.com:$(port_of far)\"]}"
within 'a host name in its place' 15 serves www.example.com '^far '
nobody_else() { for _ in 1 2 3 4; do serves www.example.com '^far ' || return; done; }
within '  alone' 15 nobody_else
within '  and all is one' 15 all_is_one

# The check is given a DNS server that takes every packet and never answers: it does not wait for it.
mkdir "$T/silent"
echo 'nameserver 127.0.0.1' >"$T/silent/resolv.conf"
cat >"$T/silent/check" <<EOF
ip link set lo up && mount --bind "$T/silent/resolv.conf" /etc/resolv.conf || exit 9
socat -u UDP4-RECV:53,bind=127.0.0.1 OPEN:/dev/null &
timeout 20 haproxy -c -f "$T/haproxy/haproxy.cfg"
status=\$?
kill \$!
exit \$status
EOF
ok 'a DNS server that never answers does not hold up the check' unshare -rmn sh "$T/silent/check"
start_load --url "$HTTP/" -H 'Host: www.example.com' --connections 4 --rate 200 --keepalive
worker=$(haproxy_worker)
etcd_put services/other '{"balance":"leastconn"}' # which no HAProxy adds without a reload
etcd_put backends/other/1/a "${ADDRESS[db-2]}"
etcd_put backends/db/16/a "${ADDRESS[db-2]}"
is_reloaded() { [[ $(haproxy_worker) != "$worker" ]]; }
within 'a reload' 15 is_reloaded
within '  after which it still answers' 15 nobody_else
etcd_put services/search "{\"addresses\":[\"${ADDRESS[near]}\"]}"
within 'the address again' 15 serves www.example.com '^near '
is_gone() { ! haproxy_cmd 'show servers state' | grep -q far.example.com; }
within '  and the host name is gone from HAProxy' 15 is_gone
stop_load
is "$(load_says failed)" 0 '  no request was lost'

etcd_put services/search '{"addresses":["nobody.example.com:80"]}'
within 'a name that nobody knows is no instance' 15 says '^503$' fetch_status www.example.com "$HTTP/"
etcd_put services/search '{"addresses":["10.0.0.300:80"]}'
within 'what is no address is refused by name' 10 log_has kvwatch 'service search: addresses: .*10\.0\.0\.300'
etcd_put services/search "{\"addresses\":[\"${ADDRESS[near]}\"]}"
within '  until it is mended' 15 serves www.example.com '^near '

etcd_put services/db "{\"protocol\":\"tcp\",\"listen\":$listen,\"version\":\"15\",\"addresses\":[\"${ADDRESS[db-1]}\"]}"
etcd_put environments/prod '{"name":"prod","prefix":"www","services":[{"name":"search","route":"/"},{"name":"db","version":"15"}]}'
db_is() { says "^db $1 " curl -s --max-time 2 "http://127.0.0.1:$listen/"; }
within 'a service that speaks no HTTP has a port of its own' 15 db_is db-1
within '  and all is one' 10 all_is_one
reloads=$(haproxy_reloads)
etcd_put environments/prod '{"name":"prod","prefix":"www","services":[{"name":"search","route":"/"},{"name":"db","version":"16"}]}'
within 'the default environment takes another version' 10 db_is db-2
is "$(haproxy_reloads)" "$reloads" '  with no reload'
etcd_put environments/prod '{"name":"prod","prefix":"www","services":[{"name":"search","route":"/"},{"name":"db","versions":{"15":50,"16":50}}]}'
connections() { # N: who answers so many, and how often
	for ((i = 0; i < $1; i++)); do curl -s --max-time 2 "http://127.0.0.1:$listen/"; done |
		awk '{ n[$2]++ } END { for (who in n) print who, n[who] }' | sort | tr '\n' ' '
}
within 'or several, of which each connection is given one' 10 says '^db-1 [0-9]+ db-2 [0-9]+ $' connections 30
etcd_del backends/db/16/a
within '  one without an instance leaves its connections to the other' 10 says '^db-1 30 $' connections 30
etcd_put backends/db/16/a "${ADDRESS[db-2]}"
within '  which comes back' 10 says '^db-1 [0-9]+ db-2 [0-9]+ $' connections 30
is "$(haproxy_reloads)" "$reloads" '  with no reload'
etcd_put environments/prod '{"name":"prod","prefix":"www","services":[{"name":"search","route":"/"},{"name":"db","version":"16"}]}'
etcd_put environments/base '{"name":"base","services":[{"name":"db","version":"15"}]}'
etcd_put environments/prod '{"name":"prod","prefix":"www","extends":["base"],"missing":"baseline","services":[{"name":"search","route":"/"},{"name":"db","version":"17"}]}'
within 'a version without any leaves them to that of the environment extended' 10 says '^db-1 30 $' connections 30
is "$(haproxy_reloads)" "$reloads" '  with no reload'
etcd_put environments/prod '{"name":"prod","prefix":"www","services":[{"name":"search","route":"/"},{"name":"db","version":"16"}]}'
etcd_del environments/base
within '  and one again' 10 says '^db-2 30 $' connections 30
# HAProxy 3.4 refuses a frontend and a backend of one name.
etcd_put backends/tcp/db/a "${ADDRESS[near]}"
is_listed() { grep -q '^backend tcp:db$' "$T/haproxy/haproxy.cfg"; }
within 'an HTTP service named tcp has a version named db' 15 is_listed
is "$(awk '/^(frontend|backend) / { print $2 }' "$T/haproxy/haproxy.cfg" | sort | uniq -d)" '' \
	'  and all sections have names of their own'
within '  and all is one' 15 all_is_one
etcd_del backends/tcp/db/a
ok 'HTTP does not lead there' says '^503$' fetch_status db.service "$INTERNAL/" -H 'x-mayfly: prod'
etcd_put services/lonely '{"protocol":"tcp","listen":1}'
within 'one that the default environment does not name is reported' 10 log_has kvwatch \
	'service lonely: listen: each connection is closed: environment prod does not name it'
etcd_del services/lonely
etcd_put services/second "{\"protocol\":\"tcp\",\"listen\":$listen,\"addresses\":[\"${ADDRESS[near]}\"]}"
within 'a second one that wants its port is refused by name' 10 log_has kvwatch "service second.*port $listen is service db's"
ok '  and harms nobody' db_is db-2
etcd_del services/second

# A port that another program has is no reason to keep the others waiting.
ports 2
taken=${PORTS[0]} free=${PORTS[1]}
is_at() { says "^$2 " curl -s --max-time 2 "http://127.0.0.1:$1/"; }
start squatter socat "TCP-LISTEN:$taken,bind=127.0.0.1,reuseaddr,fork" 'SYSTEM:echo squatter'
squatter_is_up() { says '^squatter' socat -T 1 - "TCP:127.0.0.1:$taken" </dev/null; }
wait_for 10 squatter_is_up || die 'the squatter does not come up'
mark kvwatch
etcd_put services/bad "{\"protocol\":\"tcp\",\"listen\":$taken,\"addresses\":[\"${ADDRESS[near]}\"]}"
etcd_put services/good "{\"protocol\":\"tcp\",\"listen\":$free,\"addresses\":[\"${ADDRESS[db-1]}\"]}"
etcd_put environments/prod '{"name":"prod","prefix":"www","services":[{"name":"search","route":"/"},{"name":"db","version":"16"},"bad","good"]}'
within 'one that wants a port which another program has is named' 20 \
	log_has kvwatch ': in quarantine.*object="service bad".*Address already in use'
within '  the others have theirs' 20 is_at "$free" db
ok '  and those that had it keep it' db_is db-2
ok '  HTTP does not lead to it' says '^503$' fetch_status bad.service "$INTERNAL/" -H 'x-mayfly: prod'
stop squatter
within '  until the port is free' 30 is_at "$taken" near
within '  and all is one' 15 all_is_one

mark kvwatch
etcd_put services/bad "{\"protocol\":\"tcp\",\"listen\":$HTTP_PORT,\"addresses\":[\"${ADDRESS[db-1]}\"]}"
within 'one that wants a port of HAProxy is named, too' 20 log_has kvwatch "service bad.*port $HTTP_PORT is HAProxy's own"
within '  and gets none' 15 not is_at "$taken" near
for _ in 1 2 3 4 5 6 7 8; do serves www.example.com '^near ' || break; done
ok '  and takes no request from it' serves www.example.com '^near '

etcd_put services/bad "{\"protocol\":\"tcp\",\"listen\":$taken}"
within 'one without an address listens, and answers nobody' 15 all_is_one
etcd_put environments/prod '{"name":"prod","prefix":"www","services":[{"name":"search","route":"/"},{"name":"db","version":"16"},"good"]}'
no_listener() { ! haproxy_cmd 'show servers state' | grep -q tcp:bad: && ! grep -q "tcp:*bad" "$T/haproxy/haproxy.cfg"; }
within '  and is gone with the last that names it' 15 no_listener
within '  from its port, too' 15 not curl -s --max-time 2 "http://127.0.0.1:$taken/"
within '  and all is one' 15 all_is_one
etcd_put services/db "{\"addresses\":[\"${ADDRESS[db-1]}\"],\"version\":\"16\"}"
within 'what spoke no HTTP begins to' 15 says '^db ' fetch db.service "$INTERNAL/" -H 'x-mayfly: prod'
within '  at no port of its own' 15 not curl -s --max-time 2 "http://127.0.0.1:$listen/"
within '  and all is one' 15 all_is_one

done_testing
