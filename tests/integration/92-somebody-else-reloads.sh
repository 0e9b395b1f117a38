#!/bin/bash
# Somebody else reloads HAProxy just when kvwatch has to: both reloads count, none is refused.  And
# again and again while environments move: what a starting worker reads is one state.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

start_etcd
mkdir "$T/templates"
export MAYFLY_TEMPLATES=$T/templates
printf '{{<haproxy.cfg}}\n{{$global}}\n    lua-load %s\n{{/global}}\n{{/haproxy.cfg}}\n' "$T/load.lua" \
	>"$T/templates/haproxy.cfg.mustache"
# Who finds the file `slow` takes it away, and its time to load.
printf 'if os.rename("%s", "%s") then local t = os.clock() while os.clock() - t < 1.5 do end end\n' \
	"$T/slow" "$T/loading" >"$T/load.lua"
write_settings dnsmasq.hosts= dnsmasq.reload=
start_app web web 1
env() { # NAME SERVICE
	etcd_put "backends/$2/1/a" "${ADDRESS[web]}"
	etcd_put "environments/$1" "{\"name\":\"$1\",\"services\":[{\"name\":\"$2\",\"version\":\"1\",\"route\":\"/\"}]}"
}
env first web
start_tool kvwatch
start_haproxy
within 'one environment is served' 10 serves www-first.example.com '^web 1 '

mark kvwatch
touch "$T/slow"
send_signal USR2 haproxy
within 'a reload of somebody else takes its time' 10 test -e "$T/loading"
etcd_put services/other '{"balance":"leastconn"}' # needs a reload, of any HAProxy
env second other
within 'what was put meanwhile is served' 10 serves www-second.example.com '^web 1 '
within '  and all is one' 10 all_is_one
ok '  by a reload' log_has kvwatch 'applied .*by=reload'
ok '  and nothing was taken for a refusal' not log_has kvwatch 'could not load it|but runs|has not ended its reload'

start_app web-2 web 2
etcd_put backends/web/2/a "${ADDRESS[web-2]}"
move() { # VERSION
	etcd_put environments/first "{\"name\":\"first\",\"services\":[{\"name\":\"web\",\"version\":\"$1\",\"route\":\"/\"}]}"
}
move 2
within 'another version' 10 serves www-first.example.com '^web 2 '
within '  and all is one' 10 all_is_one
start_load --url "$HTTP/" -H 'Host: www-first.example.com' --connections 4 --rate 500 --keepalive
is_other_worker() { local now; now=$(haproxy_worker) && [[ -n $now && $now != "$worker" ]]; }
for i in {1..30}; do
	worker=$(haproxy_worker)
	move $((i % 2 + 1)) &
	send_signal USR2 haproxy
	until wait_for 1 is_other_worker; do send_signal USR2 haproxy; done
	wait $!
done
stop_load
is "$(load_says failed)" 0 "no request of $(load_says requests) is lost"
within 'and all is one' 20 all_is_one

done_testing
