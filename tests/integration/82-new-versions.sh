#!/bin/bash
# Many new versions at once need no reload, and lose no request: they stand in backends kept in reserve
# until all is quiet; a server that its check has found dead stays so over a reload; old workers are
# let go.  At the end of kvwatch what is in force is in the files.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

start_etcd
write_settings dnsmasq.hosts= dnsmasq.reload=
start_tool kvwatch
start_haproxy
start_app web web 1
env() { # NAME VERSION
	etcd_put "environments/$1" \
		"{\"name\":\"$1\",\"services\":[{\"name\":\"web\",\"version\":\"$2\",\"route\":\"/\"}]}"
}
etcd_put backends/web/1/a "${ADDRESS[web]}"
env steady 1
within 'one version is served' 10 serves www-steady.example.com '^web 1 '
before=$(haproxy_reloads)

# The app says which version it is, whatever backend it stands in; HAProxy tells the backend.
start_load --url "$HTTP/" -H 'Host: www-steady.example.com' --connections 8 --rate 500 --keepalive
burst_start=${EPOCHREALTIME/./}
for i in {1..30}; do
	etcd_put "backends/web/1.$i/a" "${ADDRESS[web]}"
	env "new-$i" "1.$i"
done
burst_ms=$(((${EPOCHREALTIME/./} - burst_start) / 1000))
for i in {1..30}; do
	wait_for 10 serves "www-new-$i.example.com" '^web 1 ' || fail "version 1.$i arrives"
done
within 'thirty new versions are served, and all is one' 10 all_is_one
stop_load
reloads=$(($(haproxy_reloads) - before))
long=()
note "30 new versions in $burst_ms ms: $reloads reloads"
is "$reloads" 0 'by no reload'
is "$(load_says failed)" 0 "no request of $(load_says requests) is lost"

# An environment that moves to a new version keeps its old one until the new one is there.
env mover 1
within 'an environment is there' 10 serves www-mover.example.com '^web 1 '
start_load --url "$HTTP/" -H 'Host: www-mover.example.com' --connections 4 --rate 400 --keepalive
late=0
for i in {31..40}; do
	start_app "web-2.$i" web "2.$i"
	etcd_put "backends/web/2.$i/a" "${ADDRESS[web-2.$i]}"
	env mover "2.$i"
	wait_for 10 serves www-mover.example.com "^web 2.$i " || ((++late))
done
stop_load
is "$late" 0 'ten times to a version that is quite new'
is "$(load_says failed)" 0 "no request of $(load_says requests) falls between them"

# Each transaction puts a new version in the place of the last one, whose only instance goes with it, while
# the reload for the one before is in progress.
for i in {1..4}; do start_app "web-3.$i" web "3.$i"; done
replace() { # OLD NEW
	local value="{\"name\":\"chain\",\"services\":[{\"name\":\"web\",\"version\":\"3.$2\",\"route\":\"/\"}]}"

	printf '\nput %s "%s"\nput %s "%s"\ndel %s\n\n\n' "/mayfly/backends/web/3.$2/a" "${ADDRESS[web-3.$2]}" \
		/mayfly/environments/chain "${value//\"/\\\"}" "/mayfly/backends/web/3.$1/a" |
		etcdctl txn >/dev/null
}
etcd_put backends/web/3.1/a "${ADDRESS[web-3.1]}"
env chain 3.1
within 'a chain of versions begins' 10 serves www-chain.example.com '^web 3.1 '
start_load --url "$HTTP/" -H 'Host: www-chain.example.com' --connections 4 --rate 400 --keepalive
for i in 1 2 3; do
	replace "$i" "$((i + 1))"
	sleep 0.12 # the pace at which it was seen to fail
done
within 'and ends with the last of them' 10 serves www-chain.example.com '^web 3.4 '
stop_load
is "$(load_says failed)" 0 "no request of $(load_says requests) finds a version gone before the next is there"

# What stands in reserve gets backends of its own when nothing has changed for a while.
stands_in_reserve() { [[ -n $(haproxy_cmd 'show map maps/spares.map') ]]; }
has_own_backend() { haproxy_cmd 'show backend' | grep -qx "web:$1"; }
is_consolidated() { ! stands_in_reserve && has_own_backend 1.7 && all_is_one; }
haproxy_adds_backends || ok 'new versions stand in reserve' stands_in_reserve
haproxy_adds_backends || ok '  and not in backends of their own' eval '! has_own_backend 3.4'
start_load --url "$HTTP/" -H 'Host: www-chain.example.com' --connections 4 --rate 400 --keepalive
write_settings dnsmasq.hosts= dnsmasq.reload= haproxy.consolidate_after=200ms
send_signal HUP kvwatch
within 'when all is quiet they get their own' 10 is_consolidated
stop_load
is "$(load_says failed)" 0 "no request of $(load_says requests) is lost"

# Health.
etcd_put services/sick '{"check":"tcp","check_interval":"300ms"}'
start_app sick-1 sick 1
start_app sick-2 sick 1
etcd_put backends/sick/1/a "${ADDRESS[sick-1]}"
etcd_put backends/sick/1/b "${ADDRESS[sick-2]}"
etcd_put environments/ward '{"name":"ward","services":[{"name":"sick","version":"1","route":"/"}]}'
within 'a service with a check' 10 serves www-ward.example.com '^sick 1 '
server_state() { haproxy_cmd 'show servers state' | awk -v "name=${ADDRESS[$1]}" '$4 == name { print $6 }'; }
is_state() { [[ $(server_state "$1") == "$2" ]]; }
stop sick-2
within 'a server dies' 10 is_state sick-2 0
worker=$(haproxy_worker)
# A new service with settings of its own needs a reload, of any HAProxy.
dead_after_reload() {
	local state

	until [[ $(haproxy_worker) != "$worker" ]]; do sleep 0.01; done
	state=$(server_state sick-2)
	printf '%s\n' "$state" >"$T/out/first-state"
}
dead_after_reload &
looker=$!
etcd_put services/other '{"balance":"leastconn"}'
etcd_put backends/other/1/a "${ADDRESS[web]}"
wait "$looker"
is "$(<"$T/out/first-state")" 0 'after a reload it is still known as dead'
within 'the other is alive' 5 is_state sick-1 2
is_nobody_dead() { [[ $(<"$T/haproxy/server-state") == 1 ]]; }
within 'and the file of the dead is empty again' 5 is_nobody_dead

# A check that finds everybody dead is taken back: nothing is left that could find them alive.
curl -s -X POST "http://${ADDRESS[sick-1]}/health?fail" >/dev/null
etcd_put services/sick '{"check":"/health","check_interval":"300ms"}'
within 'by another check the service is dead' 15 is_state sick-1 0
etcd_del services/sick
within 'and alive when it has none' 15 serves www-ward.example.com '^sick 1 '
within '  for good' 20 all_is_one

old_workers() { haproxy_master 'show proc; quit' | sed -n '/# old workers/,/# programs/p' | grep -c ' worker '; }
old_are_gone() { [[ $(old_workers) == 0 ]]; }
within 'old workers with nothing to do end' 20 old_are_gone

# A request that takes long keeps its worker, but only over as many reloads as the settings say.
settings_are() {
	write_settings dnsmasq.hosts= dnsmasq.reload= haproxy.max_old_workers=2 "$@"
	send_signal HUP kvwatch
}
bound_is() { grep -q '^ *mworker-max-reloads 2$' "$T/haproxy/haproxy.cfg" && is_loaded; }
settings_are
within 'the number of old workers has a bound' 15 bound_is
start_app hog web hog
etcd_put backends/web/hog/a "${ADDRESS[hog]}"
env hog hog
within 'a service is slow' 10 serves www-hog.example.com '^web hog '
for i in 1 2 3 4; do
	fetch www-hog.example.com "$HTTP/slow?ms=300000" --max-time 300 >"$T/out/long-$i" &
	long+=($!)
	in_use() { haproxy_cmd 'show sess' | grep -q "srv=${ADDRESS[hog]}"; }
	within "long request $i runs" 10 in_use
	worker=$(haproxy_worker)
	settings_are "routing.default_environment=env-$i"
	is_reloaded() { [[ $(haproxy_worker) != "$worker" ]] && is_loaded; }
	within '  and a reload leaves its worker behind' 15 is_reloaded
done
few_are_left() { (($(old_workers) <= 2)); }
within 'no more old workers than that are left' 20 few_are_left
ok '  nor fewer: long requests are cut for that alone' test "$(old_workers)" = 2
stop hog KILL
wait "${long[@]}"

# A further target whose daemon takes its time holds up nobody: each group goes at its own pace.
printf '{{#environments}}{{name}} {{/environments}}\n' >"$T/list.mustache"
write_settings dnsmasq.hosts= dnsmasq.reload= \
	targets="[{template: $T/list.mustache, output: $T/out/list, reload: [sh, $T/slow]}]"
printf 'touch %s\nuntil [ -e %s ]; do sleep 0.1; done\ntouch %s\n' "$T/out/begun" "$T/out/go-on" \
	"$T/out/ended" >"$T/slow"
send_signal HUP kvwatch
within 'a target whose reload takes long has begun' 10 test -e "$T/out/begun"
start_app late web late
etcd_put backends/web/late/a "${ADDRESS[late]}"
env late late
within 'a new version is served' 10 serves www-late.example.com '^web late '
ok 'while the target is still at it' test ! -e "$T/out/ended"

# kvwatch ends when what is in force is in the files, too.
mark kvwatch
send_signal TERM kvwatch
not_yet() { is_running kvwatch && not grep -q late "$T/out/list"; }
ok 'whose file is older than what is in force' not_yet
touch "$T/out/go-on"
wait_exit kvwatch
is "$STATUS" 0 'told to end, kvwatch ends'
ok '  when the file has followed' grep -q late "$T/out/list"
ok '  in silence' not log_has kvwatch '^(warn|error)'
rm "$T"/out/{begun,go-on,ended}
start_again kvwatch
env later late
within 'another change, another reload' 10 test -e "$T/out/begun"
env last late
within 'and what comes behind it is in force' 10 serves www-last.example.com '^web late '
mark kvwatch
send_signal TERM kvwatch
send_signal INT kvwatch
wait_exit kvwatch
is "$STATUS" 75 'told to end twice, kvwatch does not wait'
ok '  and says what it has not written' log_has kvwatch "stopped before.*$T/out/list"

done_testing
