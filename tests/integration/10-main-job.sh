#!/bin/bash
# The main job: environments appear, differ, switch and go, in front of real HAProxy; services call
# each other by name, and each call stays in its environment.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq dig curl socat

start_mayfly
is "$(fetch_status www.example.com "$HTTP/")" 503 'with no environment the answer is 503'

start_instance backend-1 backend 0.0.1
start_instance backend-2 backend 0.0.2
within 'dnsmasq learns the name of a service' 10 says '^127\.0\.0\.1$' dns backend.service
call=(--call "http://backend.service:$INTERNAL_PORT/" --dns "127.0.0.1:$DNS_PORT")
start_instance frontend-1 frontend 0.0.1 "${call[@]}"
start_instance frontend-2 frontend 0.0.2 "${call[@]}"

cp "$TOP/contrib/examples/environments/prod.yaml" "$T/environments/"
within 'prod appears' 10 serves www.example.com '^frontend 0.0.1 .* environment prod$'
within 'and its frontend reaches its backend' 10 serves www.example.com \
	'^backend 0.0.1 .* environment prod$'

cp "$TOP/contrib/examples/environments/dev.yaml" "$T/environments/"
within 'dev has the same frontend' 10 serves www-dev.example.com '^frontend 0.0.1 .* environment dev$'
within 'and another backend' 10 serves www-dev.example.com '^backend 0.0.2 .* environment dev$'
ok 'prod is as it was' serves www.example.com '^backend 0.0.1 .* environment prod$'

write_environment dev frontend=0.0.2@/ backend=0.0.1
within 'a saved file switches both versions' 10 serves www-dev.example.com '^frontend 0.0.2 '
ok 'the backend with it' serves www-dev.example.com '^backend 0.0.1 '

start_instance frontend-3 frontend 0.0.1 "${call[@]}"
within 'a second instance takes its share' 10 serves www.example.com "at ${ADDRESS[frontend-3]}"
stop register-frontend-3
is "$STATUS" 0 'a registrar that is told to stop ends well'
etcd_has_not() { not says . etcdctl get --prefix --keys-only "/mayfly/backends/frontend/0.0.1" ||
	not says "${ADDRESS[frontend-3]}" etcdctl get --prefix --print-value-only /mayfly/backends; }
ok 'and has taken its key with it' etcd_has_not
stop_load_balance() { not says "${ADDRESS[frontend-3]}" cat "$T/haproxy/haproxy.cfg"; }
within 'and HAProxy no longer has it' 10 stop_load_balance

rm "$T/environments/dev.yaml"
within 'an environment goes with its file' 15 says '^503$' fetch_status www-dev.example.com "$HTTP/"
like "$(fetch www-dev.example.com "$HTTP/")" 'www-dev.example.com' 'and the page says what is missing'
ok 'prod is as it was' serves www.example.com '^frontend 0.0.1 '
is "$(etcd_keys environments)" /mayfly/environments/prod 'etcd holds prod alone'

done_testing
