#!/bin/bash
# The stories' own tools tell the truth: the test service says who it is, calls another by its name
# in DNS, and ends what it has begun; the load counts each lost request, and no other.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl dnsmasq dig curl

start_etcd
etcd_put config/greeting '-hello world'
is "$(etcd_get config/greeting)" '-hello world' 'etcd keeps a value'
is "$(etcd_keys '')" /mayfly/config/greeting 'and lists its key'

start_app backend backend 0.0.2
backend=${ADDRESS[backend]}
printf '127.0.0.1 backend.service\n' >"$T/dns/hosts"
start_dnsmasq
is "$(dns backend.service)" 127.0.0.1 'dnsmasq knows backend.service'
is "$(dns nobody.service)" '' 'and nobody else'

start_app frontend frontend 0.0.1 --call "http://backend.service:${backend#*:}/" \
	--dns "127.0.0.1:$DNS_PORT"
frontend=${ADDRESS[frontend]}
is "$(fetch example.com "http://$frontend/" -H 'x-mayfly: dev')" \
	"frontend 0.0.1 at $frontend environment dev
backend 0.0.2 at $backend environment dev
200" 'a service calls another by name and passes the environment on'
like "$(fetch example.com "http://$frontend/a/headers?b" -H 'X-Case: Kept')" \
	'^GET /a/headers\?b HTTP/1.1' '/headers shows the request line'
like "$(fetch example.com "http://$frontend/headers" -H 'X-Case: Kept')" '^X-Case: Kept' \
	'and the fields as they came'
is "$(curl -sI "http://$backend/" | grep -ci '^content-length: [1-9]')" 1 'HEAD has no body, but its length'
fetch x "http://$backend/health?fail" -X POST >/dev/null
is "$(fetch_status x "http://$backend/health")" 503 'health can be turned off'
fetch x "http://$backend/health?ok" -X POST >/dev/null
is "$(fetch_status x "http://$backend/health")" 200 'and on'

start_load --url "http://$backend/" --keepalive --connections 4 -H 'x-mayfly: pr-1'
within 'a load gets its answers' 10 log_has load started
stop_load
is "$(load_says failed)" 0 'and loses none'
like "$(<"$T/log/load")" "^ok [0-9]+ backend 0.0.2 at $backend environment pr-1" \
	'it counts what it was told'

start slow curl -s "http://$backend/slow?ms=700"
ok 'the service runs while it answers' is_running backend
sleep 0.2
start_load --url "http://$backend/" --connections 2
stop backend
is "$STATUS" 0 'the service stops in order'
wait_exit slow
like "$(<"$T/log/slow")" "^backend 0.0.2" 'and ends what it has begun'
ok 'and is gone' not fetch x "http://$backend/"
sleep 0.2
stop_load
ok 'and counts what failed' test "$(load_says failed)" -gt 0
like "$(<"$T/log/load")" '^failed [0-9]+ connect: Connection refused' 'with the reason'

fetch x "http://$frontend/" >"$T/out/body"
is "$(tail -n 1 "$T/out/body")" 502 'a failed call is no success'
like "$(<"$T/out/body")" '^call of backend.service failed: 127.0.0.1:[0-9]+: Connection refused' \
	'and says why'

done_testing
