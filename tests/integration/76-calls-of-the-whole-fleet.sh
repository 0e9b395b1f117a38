#!/bin/bash
# mayfly audit adds up what the HAProxies of all hosts have counted, and says whom it left out.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl

start_etcd
write_settings
etcd_put environments/prod \
	'{"name":"prod","services":[{"name":"web","version":"1","route":"/"},{"name":"tasks","version":"1"}]}'
etcd_put backends/web/1/a 127.0.0.2:80
etcd_put backends/tasks/1/a 127.0.0.3:80

# Each node with settings, sockets and ports of its own; the third counts nothing.
TOP_T=$T
declare -A DOOR METRICS
nodes=(edge-1 edge-2 edge-3)
node_settings() { # NODE [KEY=YAML...]
	local node=$1

	shift
	write_settings "node=$node" dnsmasq.hosts= dnsmasq.reload= routing='{default_environment: prod}' \
		"metrics_bind=${METRICS[$node]}" "$@"
}
for node in "${nodes[@]}"; do
	T=$TOP_T/$node
	mkdir -p "$T/run" "$T/haproxy"
	ln -s "$TOP_T/log" "$TOP_T/cmd" "$T"
	ports 5
	HTTP_PORT=${PORTS[0]} INTERNAL_PORT=${PORTS[1]} LOCAL_PORT=${PORTS[2]} STATS_PORT=${PORTS[3]}
	DOOR[$node]=http://127.0.0.1:$INTERNAL_PORT METRICS[$node]=127.0.0.1:${PORTS[4]}
	node_settings "$node" status_token=secret "haproxy.audit=$([[ $node == edge-3 ]] || echo true)"
	start_tool_as "$node" kvwatch --config "$T/mayfly.yaml"
	wait_for 20 test -s "$T/haproxy/haproxy.cfg" || die 'no haproxy.cfg was written'
	start "haproxy-$node" haproxy -W -S "$T/run/master.sock" -f "$T/haproxy/haproxy.cfg"
	T=$TOP_T
done
node_says() { etcd_get "nodes/$1" | grep -qE -- "$2"; } # NODE REGEX
for node in "${nodes[@]}"; do
	within "$node says where its metrics are" 20 node_says "$node" "\"metrics\":\"${METRICS[$node]}\""
	wait_for 20 node_says "$node" '"revision":[1-9]' || die "$node applies nothing"
done

# calls NODE FROM SERVICE [CURL-OPTION...]
calls() {
	local node=$1 address=$2 service=$3

	shift 3
	fetch "$service.service" "${DOOR[$node]}/" --interface "$address" "$@" >/dev/null
}
audit() { run_tool mayfly audit --config "$TOP_T/edge-1/mayfly.yaml" "$@"; }

calls edge-1 127.0.0.2 tasks
calls edge-2 127.0.0.2 tasks
calls edge-2 127.0.0.2 web -H 'x-mayfly: prod'
calls edge-2 127.0.0.3 web -H 'x-mayfly: prod'
audit prod
is "$STATUS" 2 'somebody drops it'
like "$OUT" '^web 1 \(127.0.0.2\): 2 of 3 calls carried no environment; calls tasks; last [0-9]+ s ago$' \
	'the calls of all hosts are added up'
like "$OUT" '^1 caller named an environment in all of 1 call$' '  also where nothing is dropped'
like "$OUT" '^Counted by 2 HAProxies since they were loaded, the last one [0-9]+ s ago$' '  and who has counted'
like "$OUT" '^Left out: node edge-3: HAProxy does not count calls: ' '  and who has not'
audit -o json
like "$OUT" '\{"name":"edge-2","is_counted":true,"counted_seconds":[0-9]+\}' 'JSON has the nodes, too'

note 'a request that is followed'
# The one calls the other, whose name every host knows; and a third passes nothing on.
start_app shop-1 shop 1 --call "http://localhost:${DOOR[edge-1]##*:}/"
start_app local-1 localhost 1
etcd_put backends/shop/1/a "${ADDRESS[shop-1]}"
etcd_put backends/localhost/1/a "${ADDRESS[local-1]}"
etcd_put environments/shop \
	'{"name":"shop","services":[{"name":"shop","version":"1","route":"/"},{"name":"localhost","version":"1"}]}'
run_tool mayfly wait shop --ready --config "$TOP_T/edge-1/mayfly.yaml"
audit shop --probe http://www-shop.example.com/x
is "$STATUS" 0 'a request is sent'
like "$OUT" '^http://www-shop.example.com/x: 200 in [0-9]+ ms$' '  and answered'
like "$(tr '\n' ';' <<<"$OUT")" ';localhost 1 or shop 1 \(127.0.0.1\);  localhost, 1 call;Counted by 2 HAProxies' \
	'  and those who passed its environment on are a tree'
is "$(etcd_keys environments/mayfly-probe)" '' '  and nothing is left of it'
audit shop --probe http://localhost.service/ -o json
like "$OUT" '"callers":\[\{"address":"127.0.0.1","calls":1,.*"called":\[\{"service":"localhost","calls":1,"without":0\}\]' \
	'one between services is the first call itself'
like "$OUT" '"probe":\{"url":"http://localhost.service/","status":200,"took_ms":[0-9]+\}' '  and JSON says all'
door=${DOOR[edge-1]##*:}
sed "s/127\.0\.0\.1:$door/:$door/" "$T/edge-1/mayfly.yaml" >"$T/edge-1/any.yaml"
run_tool mayfly audit --config "$T/edge-1/any.yaml" shop --probe http://localhost.service/
like "$OUT" '^http://localhost.service/: 200 in ' '  also where HAProxy listens on all addresses'
sed "s|127\.0\.0\.1:$door|unix@$T/run/none|" "$T/edge-1/mayfly.yaml" >"$T/edge-1/any.yaml"
run_tool mayfly audit --config "$T/edge-1/any.yaml" shop --probe http://localhost.service/
is "$STATUS" 78 '  but not where on none'
is "$(etcd_keys environments/mayfly-probe)" '' '  and nothing is left of that, either'
audit --probe http://www-shop.example.com/
is "$STATUS" 64 'it wants an environment'
audit shop --probe 'ftp://x/'
is "$STATUS" 64 '  and a URL'

note 'who asks from elsewhere'
like "$(fetch x "http://${METRICS[edge-2]}/calls")" '^403$' 'without the token nothing is told'
like "$(fetch x "http://${METRICS[edge-2]}/calls" -H 'Authorization: Bearer secre')" '^403$' '  nor with another'
like "$(fetch x "http://${METRICS[edge-2]}/calls" -H 'Authorization: Bearer secret')" '^200$' '  but with it'
write_settings node=laptop status_token=secret "haproxy.admin_socket=$T/run/none.sock"
run_tool mayfly audit
is "$STATUS" 0 'a host without HAProxy asks the others'
like "$OUT" '^web 1 \(127.0.0.2\): 2 of 3 calls' '  all of them'
write_settings node=laptop "haproxy.admin_socket=$T/run/none.sock"
run_tool mayfly audit
is "$STATUS" 69 '  and needs the token'
write_settings node=laptop status_token=other "haproxy.admin_socket=$T/run/none.sock"
run_tool mayfly audit
is "$STATUS" 69 '  the right one'

note 'who does not answer'
stop "haproxy-edge-2" KILL
T=$TOP_T/edge-2
haproxy_is_gone() { not haproxy_is_ready; }
wait_for 10 haproxy_is_gone
T=$TOP_T
audit prod
like "$OUT" '^Left out: node edge-2: its kvwatch answers 503: HAProxy: ' 'a HAProxy that is away'
like "$OUT" '^web 1 \(127.0.0.2\): 1 of 1 calls' '  and the rest is counted'
stop edge-2 KILL
audit prod --timeout 3s
like "$OUT" '^Left out: node edge-2: ' 'a node that is dead'
is "$STATUS" 2 '  and the rest is judged'

done_testing
