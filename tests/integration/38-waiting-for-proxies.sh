#!/bin/bash
# A change is waited for until every proxy of the fleet has it: three proxies, of which one is frozen,
# one is killed and one cannot apply it.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy

start_etcd
start_app web web 1
start_app other web 2
write_settings
mayfly() { run_tool mayfly "$@" || :; }
# Its lease need not be waited for.
kill_node() { # NODE
	local lease

	lease=$(etcdctl get -w json "/mayfly/nodes/$1" | sed -n 's/.*"lease":\([0-9]*\).*/\1/p')
	stop "$1" KILL
	etcdctl lease revoke "$(printf %x "$lease")" >/dev/null
}
node_says() { etcd_get "nodes/$1" | grep -qE -- "$2"; } # NODE REGEX

etcd_put environments/prod '{"name":"prod","services":[{"name":"web","version":"1","route":"/"}]}'
mayfly wait
is "$STATUS" 69 'without a fleet there is nobody to wait for'
like "$ERR" 'no node belongs to the fleet' '  which is said'

# Each node with settings, sockets and ports of its own.
TOP_T=$T
nodes=(edge-1 edge-2 edge-3)
for node in "${nodes[@]}"; do
	T=$TOP_T/$node
	mkdir -p "$T/run" "$T/haproxy"
	ln -s "$TOP_T/log" "$TOP_T/cmd" "$T"
	ports 4
	HTTP_PORT=${PORTS[0]} INTERNAL_PORT=${PORTS[1]} LOCAL_PORT=${PORTS[2]} STATS_PORT=${PORTS[3]}
	write_settings "node=$node" dnsmasq.hosts= dnsmasq.reload=
	start_tool_as "$node" kvwatch --config "$T/mayfly.yaml"
	wait_for 20 test -s "$T/haproxy/haproxy.cfg" || die 'no haproxy.cfg was written'
	start "haproxy-$node" haproxy -W -S "$T/run/master.sock" -f "$T/haproxy/haproxy.cfg"
	T=$TOP_T
done
write_settings
for node in "${nodes[@]}"; do
	within "$node has applied what there is" 20 node_says "$node" '"revision":[1-9]'
	ok '  and belongs to the fleet' etcd_has "fleet/$node"
done
mayfly wait prod --timeout 30s
is "$STATUS" 0 'an environment is waited for'
like "$OUT" '^revision [0-9]+ is applied by 3 nodes$' '  on all of them'
etcd_put backends/web/1/a "${ADDRESS[web]}"
mayfly wait prod --ready
is "$STATUS" 0 'until its version answers'
etcd_put environments/prod "$(etcd_get environments/prod)"
mayfly wait
is "$STATUS" 0 'what changes nothing is applied, too'
revision=$(etcdctl get -w json /mayfly/environments/prod | sed -n 's/.*"mod_revision":\([0-9]*\).*/\1/p')
is "$OUT" "revision $revision is applied by 3 nodes" '  and is the newest'
mayfly wait prop
is "$STATUS" 66 'an environment that is not there'
like "$ERR" 'did you mean "prod"' '  is none'
mayfly wait --ready
is "$STATUS" 64 'of no environment it can be said that it is ready'
etcd_put environments/later '{"name":"later","extends":"prod","services":[{"name":"web","version":"2"}]}'
mayfly wait later --ready --timeout 1s
is "$STATUS" 75 'one without an instance is not ready'
like "$ERR" 'warn mayfly: not ready .*version 2.*error: environment later: not ready|not ready object=.*' '  for that reason'
"$MAYFLY_BIN/mayfly" wait later --ready --timeout 60s >"$T/out/ready" 2>&1 &
waiting=$!
etcd_put backends/web/2/a "${ADDRESS[other]}"
wait "$waiting"
is "$?" 0 '  and is when it has one'
not_ready() { # ENV VALUE REASON
	etcd_put "environments/$1" "$2"
	mayfly wait "$1" --ready --timeout 1s
	is "$STATUS" 75 "one is not ready while others answer for it: $1"
	like "$ERR" "$3" '  which is the reason'
}
not_ready kid '{"name":"kid","extends":"prod","missing":"baseline","services":[{"name":"web","version":"77"}]}' \
	'no instance of version 77 is registered: 1 of prod answers'
not_ready shared '{"name":"shared","services":[{"name":"web","versions":{"1":0,"no1":50,"2":50}}]}' \
	'no instance of version no1 is registered: its 50 percent go to the others'
not_ready door '{"name":"door","split":{"gone":40,"prod":60},"services":[]}' \
	'environment gone is not there: its 40 percent go to the others'
etcd_put environments/shared '{"name":"shared","services":[{"name":"web","versions":{"1":50,"no1":0,"2":50}}]}'
mayfly wait shared --ready
is "$STATUS" 0 '  a share of 0 percent is not waited for'
etcd_put environments/gone '{"name":"gone","services":[]}'
mayfly wait door --ready
is "$STATUS" 0 '  but an environment of a split'
etcd_put backends/web/77/a "${ADDRESS[other]}"
mayfly wait kid --ready
is "$STATUS" 0 '  and a version'
mayfly wait --revision 1000000 --timeout 1s
is "$STATUS" 75 'a revision that has not come'
like "$ERR" 'node=edge-1 .*it is alive, and behind' '  is named with who has not got there'

# --- the frozen, the dead, the one that cannot
mayfly env set passing web=1 --wait
send_signal STOP edge-1
mayfly env delete passing
etcd_put nodes/stranger '{}'
etcd_del nodes/stranger
mayfly wait --timeout 1s
is "$STATUS" 75 'a deletion is waited for, too'
like "$ERR" 'node=edge-1 .*it is alive, and behind' '  by who has not heard of it'
for i in {1..20}; do
	etcd_put "nodes/a$i" "{\"revision\":$i}"
done
mayfly wait --nodes 3 --timeout 1s
is "$STATUS" 75 '  also beside many that are far behind'
etcdctl del --prefix /mayfly/nodes/a >/dev/null
mayfly env set prod web=2
mayfly wait prod --nodes 2
is "$STATUS" 0 'two of three are enough if that was said'
like "$OUT" 'by 2 of 3 nodes' '  which is said'
mayfly wait prod --timeout 1s
is "$STATUS" 75 'but not all have it'
like "$ERR" 'node=edge-1 revision=[0-9]+ reason="it is alive, and behind"' '  as one is frozen'
unlike "$ERR" 'edge-[23]' '  and only one'
like "$ERR" 'revision [0-9]+: 2 of 3 nodes have it' '  of three'
"$MAYFLY_BIN/mayfly" wait prod --timeout 60s >"$T/out/thawed" 2>&1 &
waiting=$!
send_signal CONT edge-1
wait "$waiting"
is "$?" 0 'all have it when that one goes on'
kill_node edge-2
mayfly wait prod --timeout 1s
is "$STATUS" 75 'one that was killed is missed'
like "$ERR" 'node=edge-2 .*dead.*mayfly node forget edge-2' '  until it is forgotten'
mayfly node list
like "$OUT" '^edge-2 +dead' '  and is in the list'
mayfly status
like "$OUT" 'node edge-2: dead' '  and a problem'
mayfly node forget edge-1
is "$STATUS" 77 'one that is alive is not forgotten'
mayfly node forget edge-4
is "$STATUS" 66 '  nor one that is not there'
mayfly node forget edge-2 --dry-run
is "$STATUS $OUT" '2 node edge-2 would be forgotten' '  and the other one not by a dry run'
mayfly node forget edge-2
is "$STATUS $OUT" '0 node edge-2 forgotten' '  but else'
mayfly wait prod
is "$STATUS" 0 'the rest has it'
stop haproxy-edge-3
within 'one whose HAProxy went says so' 10 node_says edge-3 '"not_loaded":"haproxy'
mayfly wait prod --timeout 1s
is "$STATUS" 75 '  and does not have what it had'
like "$ERR" 'node=edge-3 revision=[0-9]+ reason="haproxy: not loaded: .*sock' '  for that reason'
"$MAYFLY_BIN/mayfly" wait prod --timeout 60s >"$T/out/back" 2>&1 &
waiting=$!
start_again haproxy-edge-3
wait "$waiting"
is "$?" 0 '  until it is back'
stop haproxy-edge-3
rm -rf "$T/edge-3/haproxy"
printf x >"$T/edge-3/haproxy"
mayfly env set prod web=1
mayfly wait prod --timeout 2s
is "$STATUS" 75 'one that cannot apply it'
like "$ERR" 'node=edge-3 revision=[0-9]+ reason="?[^"]*haproxy' '  is named with what it lacks'

# --- etcd goes, and comes
mayfly node forget edge-3 --force
kill_node edge-3
next=$(($(etcd_revision) + 1))
"$MAYFLY_BIN/mayfly" wait --revision "$next" --timeout 60s >"$T/out/lost" 2>&1 &
waiting=$!
send_signal STOP etcd
send_signal CONT etcd
etcd_put environments/prod '{"name":"prod","services":[{"name":"web","version":"2","route":"/"}]}'
wait "$waiting"
is "$?" 0 'an etcd that was away is waited for'
send_signal STOP etcd
mayfly wait --timeout 1s
is "$STATUS" 75 'one that does not answer'
send_signal CONT etcd

done_testing
