#!/bin/bash
# Environments, hosts, routes, versions, instances, weights and their states change, and HAProxy is
# not reloaded once: the traffic is right after each, and files and HAProxy say the same.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq dig curl socat

start_mayfly
for version in 1 2; do
	start_app "web-$version" web $version
	etcd_put "backends/web/$version/a" "${ADDRESS[web-$version]}"
done
start_app api-1 api 1
etcd_put backends/api/1/a "${ADDRESS[api-1]}"
env() { # NAME MEMBERS
	etcd_put "environments/$1" "{\"name\":\"$1\",$2}"
}
web() { printf '"services":[{"name":"web","version":"%s","route":"/"}]' "$1"; }
env base "$(web 1)"
within 'all versions are there' 10 serves www-base.example.com '^web 1 '
within 'and all is one' 10 all_is_one
is "$(wc -l <"$T/out/servers.runs") $(wc -l <"$T/out/versions.map.live")" '3 1' '  servers and maps were compared'
worker=$(haproxy_worker)
before=$(haproxy_reloads)

# changes WHAT COMMAND...: what was done has the effect, no reload, and is on disk
changes() {
	local what=$1

	shift
	within "$what" 10 "$@"
	within '  and all is one' 10 all_is_one
	is "$(haproxy_worker) $(haproxy_reloads)" "$worker $before" '  with no reload'
}
none_at() { says '^503$' fetch_status "$1" "$HTTP/"; }

env dev "$(web 2)"
changes 'a new environment' serves www-dev.example.com '^web 2 '
env dev "$(web 1)"
changes 'another version' serves www-dev.example.com '^web 1 '
env dev "$(web 2)"
changes 'the one before, again' serves www-dev.example.com '^web 2 '
env dev "\"hosts\":[\"shop.example.com\"],$(web 2)"
changes 'a host of its own' serves shop.example.com '^web 2 '
env dev "\"prefix\":\"other\",$(web 2)"
changes 'another prefix' serves other.example.com '^web 2 '
ok '  the host is gone' none_at shop.example.com
ok '  and the old prefix' none_at www-dev.example.com
env dev "\"header\":\"blue\",$(web 2)"
changes 'another header value' says '^web 2 .*environment blue$' fetch web.service "$INTERNAL/" -H 'x-mayfly: blue'
env dev '"services":[{"name":"web","version":"2","route":"/"},{"name":"api","version":"1","route":"/api/"}]'
changes 'another route' says '^api 1 ' fetch www-dev.example.com "$HTTP/api/x"
env dev '"services":[{"name":"web","version":"2","route":["/","/api/"]},{"name":"api","version":"1"}]'
changes 'a route that moves to another service' says '^web 2 ' fetch www-dev.example.com "$HTTP/api/x"
env dev '"services":[{"name":"web","version":"9","route":"/"}]'
changes 'a version of which nothing is alive' none_at www-dev.example.com
env dev "$(web 2)"
changes 'and back' serves www-dev.example.com '^web 2 '
etcd_del environments/dev
changes 'an environment that goes' none_at www-dev.example.com
for i in {1..20}; do env "many-$i" "$(web $((i % 2 + 1)))"; done
changes 'twenty of them' serves www-many-20.example.com '^web 1 '
ok '  the first as well' serves www-many-1.example.com '^web 2 '

# Instances.  An answer says at which address it was given.
at() { serves www-base.example.com "at ${ADDRESS[$1]}"; }
ask_some() { for _ in {1..12}; do fetch www-base.example.com "$HTTP/"; done; }
not_at() { not says "at ${ADDRESS[$1]}" ask_some; }
start_app web-1b web 1
etcd_put backends/web/1/b "${ADDRESS[web-1b]}"
changes 'an instance that comes' at web-1b
instance() { # MEMBERS
	etcd_put backends/web/1/b "{\"address\":\"${ADDRESS[web-1b]%:*}\",\"port\":${ADDRESS[web-1b]##*:},$1}"
}
instance '"weight":0'
changes 'weight 0' not_at web-1b
instance '"weight":250'
changes 'a large weight' at web-1b
instance '"state":"drain"'
changes 'drain' not_at web-1b
instance '"state":"maint"'
changes 'maintenance' not_at web-1b
instance '"state":"up"'
changes 'and up again' at web-1b
etcd_del backends/web/1/a
changes 'an instance that goes' not_at web-1
etcd_put backends/web/1/a "${ADDRESS[web-1]}"
changes 'and comes back' at web-1

# One that goes finishes what it has begun.
start_app slow web 1
etcd_del backends/web/1/a
etcd_del backends/web/1/b
etcd_put backends/web/1/slow "${ADDRESS[slow]}"
changes 'one instance alone' at slow
fetch www-base.example.com "$HTTP/slow?ms=1500" >"$T/out/slow" &
waiter=$!
in_use() { haproxy_cmd 'show sess' | grep -q "srv=${ADDRESS[slow]}"; }
within 'a long request runs' 5 in_use
etcd_put backends/web/1/a "${ADDRESS[web-1]}"
etcd_del backends/web/1/slow
changes 'its instance goes' at web-1
wait "$waiter"
like "$(tail -n 1 "$T/out/slow")" '^200$' 'and the long request ends well'

# What is no change.
rewritten() { stat -c '%Y.%y %i' "$T"/haproxy/haproxy.cfg "$T"/haproxy/maps/* "$T/dns/hosts"; }
stamps=$(rewritten)
mark kvwatch
env base "$(web 1)"
etcd_put backends/web/1/a "${ADDRESS[web-1]}"
env marker "$(web 1)"
within 'equal values come and go' 10 serves www-marker.example.com '^web 1 '
etcd_del environments/marker
changes 'with all as it was' none_at www-marker.example.com
is "$(grep -c 'by=runtime' <(tail -n "+$((MARK[kvwatch] + 1))" "$T/log/kvwatch"))" 2 \
	'they cause nothing: two changes in the log'
[[ $stamps != "$(rewritten)" ]] || fail 'the marker was written'

# Another kvwatch finds all as it should be.
stop kvwatch
mark kvwatch
start_again kvwatch
env last "$(web 1)"
changes 'a restarted kvwatch goes on' serves www-last.example.com '^web 1 '

# Servers that are added at run time have their own places where requests are spread at random.
etcd_put services/dice '{"balance":"random"}'
env dice '"services":[{"name":"dice","version":"1","route":"/"}]'
for name in a b c d; do
	start_app "dice-$name" dice 1
	etcd_put "backends/dice/1/$name" "${ADDRESS[dice-$name]}"
	within "instance $name of a service that is balanced at random" 10 serves www-dice.example.com '^dice 1 '
	within '  and all is one' 10 all_is_one
done
for _ in {1..100}; do fetch www-dice.example.com "$HTTP/"; done >"$T/out/dice"
for name in a b c d; do
	ok "instance $name gets its requests" grep -q "at ${ADDRESS[dice-$name]}" "$T/out/dice"
done

done_testing
