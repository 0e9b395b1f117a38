#!/bin/bash
# A service that speaks no HTTP is there in every environment, at an address of the environment's own,
# where the service's name in the environment leads.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat dig

use_ports
ports 2
port=${PORTS[0]} other=${PORTS[1]}
start_mayfly 'haproxy.tcp_range=127.16.0.0/12' routing.default_environment=prod
start_app db-1 db 15
start_app db-2 db 16
etcd_put backends/db/15/a "${ADDRESS[db-1]}"
etcd_put backends/db/16/a "${ADDRESS[db-2]}"
etcd_put services/db "{\"protocol\":\"tcp\",\"listen\":$port}"
mayfly() { run_tool mayfly "$@" || :; }
env() { etcd_put "environments/$1" "{\"name\":\"$1\"${3:+,$3},\"services\":[${2:+{\"name\":\"db\",\"version\":\"$2\"\}}]}"; } # NAME [VERSION [MORE]]
ask() { curl -s --max-time 2 "http://$1:$port/"; } # ADDRESS
at() { says "^db $2 " ask "$(dns "db.$1.service")"; } # ENV VERSION: its name leads to that version

note 'one for each'
env prod 15
env pr-1 16
env pr-2 '' '"extends":"prod"'
within 'the default environment has its own port still' 20 says '^db 15 ' ask 127.0.0.1
within 'its name leads to an address of its own' 20 at prod 15
within '  another environment has another version there' 20 at pr-1 16
within '  and one that extends it has its version' 20 at pr-2 15
first=$(dns db.pr-1.service)
like "$first" '^127\.(1[6-9]|2[0-9]|3[01])\.' 'it is of the range'
is "$(for name in prod pr-1 pr-2; do dns "db.$name.service"; done | sort -u | wc -l)" 3 '  and nobody else has it'
mayfly env show pr-1
like "$OUT" "db +16 .*$first:$port" '  and is shown'
mayfly route list -o json
like "$OUT" "\"environment\":\"pr-1\",\"route\":\"$first:$port\",\"options\":\"tcp\",\"service\":\"db\"" '  among the routes, too'
reloads=$(haproxy_reloads)
env pr-1 15
within 'another version is there' 20 at pr-1 15
is "$(haproxy_reloads)" "$reloads" '  without a reload'
env pr-1 16
within '  and back' 20 at pr-1 16

note 'it stays the same'
stop kvwatch
rm -r "$T/haproxy"/* "$T/dns"/*
start_again kvwatch
stop haproxy
start_haproxy
within 'after a start of all' 20 at pr-1 16
is "$(dns db.pr-1.service)" "$first" '  at the same address'
etcd_put services/queue "{\"protocol\":\"tcp\",\"listen\":$other,\"version\":\"1\",\"addresses\":[\"${ADDRESS[db-1]}\"]}"
etcd_put environments/pr-1 '{"name":"pr-1","services":[{"name":"db","version":"16"},{"name":"queue","version":"1"}]}'
queue_is_there() { says '^db 15 ' curl -s --max-time 2 "http://$first:$other/"; }
within 'another service is at the same address, on its own port' 20 queue_is_there
etcd_del environments/pr-1
within 'it goes with the environment' 20 not ask "$first"
is_gone() { [[ -z $(dns db.pr-1.service) ]]; }
within '  and its name, too' 20 is_gone

note 'none is left'
sed -i 's,127.16.0.0/12,127.16.0.0/30,' "$T/mayfly.yaml"
send_signal HUP kvwatch
env pr-3 16
within 'of two addresses the oldest have one each' 20 at prod 15
within '  and the third has none, which is said' 20 log_has kvwatch \
	'environment pr-3: no address of haproxy.tcp_range 127.16.0.0/30 is left for its services that speak no HTTP'
is "$(dns db.pr-3.service)" '' '  nor a name'

done_testing
