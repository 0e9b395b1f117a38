#!/bin/bash
# Builds that come faster than HAProxy could reload: each is a version that it has never seen, and no
# request is lost; the reserve is filled up by few reloads; kvwatch may die meanwhile; TCP as well.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

start_etcd
ports 2
listen=${PORTS[0]} metrics=127.0.0.1:${PORTS[1]}
write_settings dnsmasq.hosts= dnsmasq.reload= routing.default_environment=dev metrics_bind="$metrics"
# All versions are one process: nothing but etcd can tell that one has gone while nobody watched.
watch=(start_tool kvwatch --max-removal 100%)
"${watch[@]}"
# No HAProxy adds a backend with settings while it runs: they stand in reserve on every one.
etcd_put services/web '{"balance":"leastconn"}'
etcd_put services/db "{\"protocol\":\"tcp\",\"listen\":$listen}"
start_app web web 0
etcd_put backends/web/0/a "${ADDRESS[web]}"
etcd_put backends/db/0/a "${ADDRESS[web]}"
start_haproxy
env() { # NAME WEB DB
	printf '{"name":"%s","services":[{"name":"web","version":"%s","route":"/"},{"name":"db","version":"%s"}]}' "$@"
}
etcd_put environments/dev "$(env dev 0 0)"
within 'one version is served' 10 serves www-dev.example.com '^web 0 '
db_says() { says "$1" curl -s --max-time 5 "http://127.0.0.1:$listen/"; }
within '  and one of a service that speaks no HTTP' 10 db_says '^web 0 '
within '  and all is one' 10 all_is_one
before=$(haproxy_reloads)

# Each transaction brings a version, and takes the instance of the one before.
follow() { # OLD NEW
	local value

	value=$(env dev "$2" 0)
	printf '\nput %s "%s"\nput %s "%s"\ndel %s\n\n\n' "/mayfly/backends/web/$2/a" "${ADDRESS[web]}" \
		/mayfly/environments/dev "${value//\"/\\\"}" "/mayfly/backends/web/$1/a" | etcdctl txn >/dev/null
}
start_load --url "$HTTP/" -H 'Host: www-dev.example.com' --connections 8 --rate 500 --keepalive
for i in {1..40}; do follow $((i - 1)) "$i"; done
carries() { says "^[^ ]* $1 spare::" haproxy_cmd 'show map maps/spares.map'; }
within 'forty builds, each in the place of the last' 10 carries web:40
is "$(haproxy_reloads)" "$before" '  need no reload'

# One that dies in the midst of it finds what stands where.
stop kvwatch KILL
follow 40 41
"${watch[@]}"
within 'the next build is seen by another kvwatch' 10 carries web:41
within '  and all is one' 10 all_is_one
is "$(haproxy_reloads)" "$before" '  with no reload'

# Versions that stay use the reserve up, and a reload fills it.
for i in {1..60}; do etcd_put "backends/web/kept-$i/a" "${ADDRESS[web]}"; done
etcd_put environments/dev "$(env dev kept-60 0)"
follow 41 42
within 'sixty that stay, and all is one' 10 all_is_one
reloads=$(($(haproxy_reloads) - before))
ok "  need few reloads ($reloads)" test "$reloads" -ge 1 -a "$reloads" -le 8
stop_load
is "$(load_says failed)" 0 "no request of $(load_says requests) is lost"

start_app db db 1
etcd_put backends/db/1/a "${ADDRESS[db]}"
etcd_put environments/dev "$(env dev 42 1)"
within 'the other service moves to a new version' 10 db_says '^db 1 '
ok '  which stands in reserve' carries tcp:db:1
ok '  as the metrics count' says '^mayfly_haproxy_versions_in_reserve [1-9]' curl -s "http://$metrics/metrics"

# A request that waits to try a connection again is not answered by who comes next to the same place.
start_app gone web gone
start_app next web next
etcd_put backends/web/gone/a "${ADDRESS[gone]}"
etcd_put environments/old "$(env old gone 1)"
within 'a version stands in reserve' 10 serves www-old.example.com '^web gone '
stop gone
fetch www-old.example.com "$HTTP/" >"$T/out/late" &
late=$!
waits() { haproxy_cmd 'show sess' | grep -q 'be=spare'; }
wait_for 5 waits
etcd_del backends/web/gone/a
etcd_put backends/web/next/a "${ADDRESS[next]}"
etcd_put environments/new "$(env new next 1)"
within '  and the next one when it has gone' 10 serves www-new.example.com '^web next '
wait "$late"
unlike "$(<"$T/out/late")" '^web next' '  who still waits for the first does not get the next'

# What people see names the version.
stop db
etcd_put backends/web/43/a 127.0.0.1:9
etcd_put environments/dev "$(env dev 43 1)"
within 'a build that takes no connection' 10 says '<dd>43</dd>' fetch www-dev.example.com "$HTTP/"
unlike "$(fetch www-dev.example.com "$HTTP/")" 'spare' '  is called by its name'

done_testing
