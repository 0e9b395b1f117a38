#!/bin/bash
# Bad entries beside good ones: each is set aside with its reason and keeps its last good value.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

start_mayfly
start_instance web-1 web 1
start_instance web-2 web 2
cat >"$T/environments/list.yaml" <<'EOF'
- name: one
  services: [{name: web, version: "1", route: /}]
- name: broken
  services: [{name: web, version: "0 .1"}]
- name: two
  services: [{name: web, version: "2", route: /}]
EOF
within 'the first of a list' 10 serves www-one.example.com '^web 1 '
within 'and the last are served' 10 serves www-two.example.com '^web 2 '
is "$(fetch_status www-broken.example.com "$HTTP/")" 503 'the broken one between them is not'
ok 'and is named with its place' log_has envwatch 'list.yaml.*environment broken.*line 4, column'

etcd_put environments/hand '{"name":"hand","services":[{"name":"web","version":"1","route":"/"}]}'
within 'one put by hand' 10 serves www-hand.example.com '^web 1 '
etcd_put environments/hand '{"name":"hand","services":[{"name":"web","version":2}]}'
within 'that turns bad is named' 10 log_has kvwatch 'environment hand.*version'
ok 'and keeps its last good state' serves www-hand.example.com '^web 1 '
for endpoints in "\"${ETCD_URLS[0]}\"" "\"http://127.0.0.1:9\", \"${ETCD_URLS[0]}\""; do
	mark kvwatch
	write_settings etcd.endpoints="[$endpoints]"
	send_signal HUP kvwatch
	within 'all is read anew' 10 log_has kvwatch 'settings and templates reloaded'
	write_environment "after${#endpoints}" web=1@/
	within 'and what is new applied' 10 serves "www-after${#endpoints}.example.com" '^web 1 '
	ok 'it has its last good state still' serves www-hand.example.com '^web 1 '
done
etcd_put environments/hand '{"name":"hand","services":[{"name":"web","version":"2","route":"/"}]}'
within 'until it is mended' 10 serves www-hand.example.com '^web 2 '

etcd_put environments/thief '{"name":"thief","prefix":"www-one","services":[{"name":"web","version":"2","route":"/"}]}'
within 'one that claims the host of another is named' 10 log_has kvwatch 'prefix www-one'
ok 'and does not get it' serves www-one.example.com '^web 1 '
like "$(fetch x.service "$INTERNAL/" -H 'x-mayfly: thief')" 'thief' 'but is there by its header'

etcd_put environments/empty '{"name":"empty","services":[{"name":"web","version":"9","route":"/"}]}'
within 'one whose version has no instance' 10 says 'version 9 of service web' fetch www-empty.example.com "$HTTP/"
like "$(fetch www-empty.example.com "$HTTP/" -H 'Accept: application/json')" '"?version"?: ?"9"' \
	'is told in JSON to those who ask'
ok 'harms nobody' serves www-one.example.com '^web 1 '

# What proxies say of themselves is for people.
before=$(haproxy_worker)
etcd_put nodes/test '{"node":"test","revision":999999,"error":"x","held_back":"all"}'
etcd_put nodes/other $'not JSON \e[2J'
etcd_put fleet/other '{}'
write_environment last web=2@/
within 'who writes the keys of nodes changes nothing for others' 10 serves www-last.example.com '^web 2 '
ok '  neither what was there' serves www-one.example.com '^web 1 '
is "$(haproxy_worker)" "$before" '  nor HAProxy itself'

done_testing
