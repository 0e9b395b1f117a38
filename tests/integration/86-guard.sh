#!/bin/bash
# etcd suddenly lacks much: all environments, a wiped store, a permission lost.  Nothing of it is
# believed at once, also not by a kvwatch that is started anew, and no other change is held up; what
# stands, comes back or is allowed goes on.  What a watch says of instances is believed.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

start_mayfly removal_grace=2m
start_app web web 1
start_app other web 1

fill() {
	local i

	for i in 1 2 3 4 5 6; do
		etcd_put "environments/dev$i" \
			"{\"name\":\"dev$i\",\"services\":[{\"name\":\"web\",\"version\":\"1\",\"route\":\"/\"}]}"
		etcd_put "backends/idle/1/i$i" "127.0.0.$i:9"
	done
	etcd_put backends/web/1/a "${ADDRESS[web]}"
}
all_serve() {
	local i

	for i in 1 2 3 4 5 6; do
		serves "www-dev$i.example.com" '^web 1 ' || return 1
	done
}
recorded() { grep -q '"environments": 6, "instances": 7' "$T/state/applied.json"; }
allow_until() { etcd_put config/mayfly/allow-removal "$(date -u -d "$1" +%Y-%m-%dT%H:%M:%SZ)"; }
has_server() { grep -qF "$1" "$T/haproxy/haproxy.cfg"; }
node_says() { etcd_get nodes/test | grep -qE -- "$1"; }

fill
within 'six environments are served' 20 all_serve
within 'and that is recorded' 10 recorded

# Everything is deleted, in one revision.
mark kvwatch
etcdctl del --prefix /mayfly/environments/ >/dev/null
within 'all environments go: all keys are read a second time' 10 \
	log_has kvwatch 'reading all keys again'
within 'and nothing of it is believed' 10 \
	log_has kvwatch 'error kvwatch: held back.*6 of 6 environments would go.*/mayfly/config/mayfly/allow-removal'
ok 'the last good state is served' all_serve
within 'the node says so' 10 node_says '"held_back":"6 of 6 environments would go"'
within 'and names them' 10 node_says '"object":"environment dev3"'
run_tool mayfly status
like "$OUT" 'node test: environment dev3: held back' 'so does mayfly status'
etcd_put backends/web/1/b "${ADDRESS[other]}"
within 'a later change is applied' 20 has_server "${ADDRESS[other]}"
etcd_del backends/web/1/b
within 'and one back' 20 not has_server "${ADDRESS[other]}"
ok 'the last good state is served' all_serve
is "$(grep -c 'error kvwatch: held back' "$T/log/kvwatch")" 1 'that is said once'

stop kvwatch
mark kvwatch
start_again kvwatch
within 'a kvwatch that is started anew believes no sooner' 20 log_has kvwatch 'held back.*6 of 6'
ok 'the last good state is served' all_serve
ok 'and stays recorded' recorded
stop haproxy
start_again haproxy
within 'also by a HAProxy that is started anew' 20 all_serve
etcd_put environments/seventh '{"name":"seventh","services":[{"name":"web","version":"1","route":"/"}]}'
within 'a new environment is served' 20 serves www-seventh.example.com '^web 1 '
etcd_del environments/seventh
within 'and can be deleted' 10 says '^503$' fetch_status www-seventh.example.com "$HTTP/"
ok 'with all others' all_serve

mark kvwatch
fill
within 'when they are there again, that is told' 10 log_has kvwatch 'no longer held back.*there again'
within 'and the node says no more' 10 node_says '"held_back":""'
etcd_put backends/web/1/b "${ADDRESS[other]}"
within 'later changes are applied' 20 has_server "${ADDRESS[other]}"
etcd_del backends/web/1/b

# Most of all instances, as when a registrar dies.
mark kvwatch
lease=$(etcdctl lease grant 60 | awk '{print $2}')
for i in 1 2 3 4 5 6; do
	etcdctl put --lease="$lease" "/mayfly/backends/idle/1/i$i" "127.0.0.$i:9" >/dev/null
done
etcdctl lease revoke "$lease" >/dev/null
within 'most instances go at once: that is believed' 10 not has_server 127.0.0.6:9
ok 'as nothing is held back' not log_has kvwatch 'held back'
ok 'the others are served' all_serve

etcdctl del --prefix /mayfly/environments/ >/dev/null
within 'all environments go' 10 log_has kvwatch 'held back.*(6 of 6|7 of 7) environments would go'
allow_until '-1 hour'
ok 'an allowance of the past allows nothing' not wait_for 1 log_has kvwatch 'no longer held back'
etcd_put config/mayfly/allow-removal soon
within 'one that is no time is set aside' 10 log_has kvwatch 'set aside.*allow-removal.*until which'
allow_until '+1 hour'
within 'an operator allows it' 10 log_has kvwatch 'no longer held back.*allowed'
within 'and it is applied' 10 says '^503$' fetch_status www-dev1.example.com "$HTTP/"
etcd_del config/mayfly/allow-removal
fill
within 'what is put again is served' 20 all_serve

# One that most others extend.
for i in 1 2 3 4 5 6; do
	etcd_put "environments/child$i" "{\"name\":\"child$i\",\"extends\":\"dev1\",\"services\":[]}"
done
within 'those that extend another are served' 20 serves www-child6.example.com '^web 1 '
mark kvwatch
etcd_del environments/dev1
within 'it goes: so would all of them' 10 log_has kvwatch 'held back.*(7|8) of 1[23] environments would go'
ok '  which are served' serves www-child6.example.com '^web 1 '
fill
within '  until it is there again' 10 log_has kvwatch 'no longer held back.*there again'
allow_until '+1 hour'
for i in 1 2 3 4 5 6; do
	etcd_del "environments/child$i"
done
within '  and they may go' 20 recorded
etcd_del config/mayfly/allow-removal

# A permission lost is no loss of keys.
etcdctl user add root:secret >/dev/null
etcdctl user grant-role root root >/dev/null
mark kvwatch
etcdctl auth enable >/dev/null
within 'a permission is lost: the source is out of reach' 20 log_has kvwatch 'out of reach.*'
ok 'the last good state is served' all_serve
etcdctl --user root:secret auth disable >/dev/null
within 'it is given back' 20 log_has kvwatch 'source is back'

# A wiped store is a new one, whose revisions begin again.
fill
within 'all is there' 20 all_serve
stop kvwatch
stop etcd
rm -rf "$T/data-etcd"
write_settings removal_grace=5s
mark kvwatch
start_again kvwatch
start_again etcd
wait_for 20 etcd_is_ready "$ETCDCTL_ENDPOINTS" || fail 'etcd comes up with nothing in it'
within 'an empty store is not believed' 30 log_has kvwatch 'held back.*6 of 6 environments'
ok 'the last good state is served' all_serve
within 'until it has stood for the grace time' 20 log_has kvwatch 'no longer held back.*stood'
within 'then nothing is there any more' 10 says '^503$' fetch_status www-dev1.example.com "$HTTP/"

write_settings removal_grace=1m
send_signal HUP kvwatch
fill
within 'it is filled again' 20 all_serve
within 'and that is recorded' 10 grep -qE '"revision": [1-3]?[0-9], "environments": 6' "$T/state/applied.json"
mark kvwatch
etcdctl del --prefix /mayfly/environments/ >/dev/null
within 'with other settings it is held back for longer' 10 log_has kvwatch 'held back'
stop kvwatch
run_tool kvwatch --once --timeout 20s
is "$STATUS" 75 'kvwatch --once says: later'
run_tool kvwatch --once --max-removal 100 --timeout 20s
is "$STATUS" 0 'unless all may go'
run_tool kvwatch --once --max-removal 101%
is "$STATUS" 64 'a part is at most the whole'

done_testing
