#!/bin/bash
# A developer's instance stands in for one service of one environment while it runs: requests of
# pr-42 go to the laptop, those of prod do not, and whatever ends the laptop gives the service back.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

start_etcd
write_settings dnsmasq.hosts= dnsmasq.reload=
start_tool kvwatch
start_haproxy
for name in web:1 search:1 search:dev-laptop search:dev-desk; do
	start_app "$name" "${name%:*}" "${name#*:}"
done
etcd_put backends/web/1/a "${ADDRESS[web:1]}"
etcd_put backends/search/1/a "${ADDRESS[search:1]}"
env_of() { # NAME
	etcd_put "environments/$1" "{\"name\":\"$1\",\"services\":[{\"name\":\"web\",\"version\":\"1\",
		\"route\":\"/\"},{\"name\":\"search\",\"version\":\"1\",\"route\":\"/search/\"}]}"
}
env_of pr-42
env_of prod

pr_is() { says "^search $1 " fetch www-pr-42.example.com "$HTTP/search/"; } # VERSION
prod_is() { says '^search 1 ' fetch www-prod.example.com "$HTTP/search/"; }
override() { etcd_get overrides/pr-42/search; }
override_names() { override | grep -q "\"version\":\"$1\""; } # VERSION
laptop() { # [OPTION...]: the one who takes search in pr-42
	: >"$T/log/laptop"
	start_tool_as laptop svcregister register search dev-laptop "${ADDRESS[search:dev-laptop]}" \
		--env pr-42 --ttl 2s --id laptop "$@"
}
within 'each environment has its own choice' 20 pr_is 1
within 'which is the same' 20 prod_is

# A key alone changes nothing.
etcd_put overrides/pr-42/search '{"version":"dev-laptop","holder":"nobody@home"}'
etcd_put overrides/prod/search 'not JSON'
etcd_put backends/marker/1/a 127.0.0.1:9
within 'when they are seen' 20 grep -q 'marker:1' "$T/haproxy/haproxy.cfg"
ok 'a key without an instance leaves pr-42 alone' pr_is 1
ok 'and a bad one prod' prod_is
like "$(<"$T/log/kvwatch")" 'override prod/search' 'which is named'
etcd_del overrides/prod/search
etcd_del overrides/pr-42/search

load_pr() { # NAME EXPECT: requests of pr-42 from now on
	: >"$T/log/$1"
	start "$1" "$TEST_BIN/load" --duration 10m --url "$HTTP/search/" \
		-H 'Host: www-pr-42.example.com' --connections 4 --rate 400 --keepalive --expect "$2"
	wait_for 10 log_has "$1" '^started' || die 'the load gets no answer'
}
load_pr pr '^search (1|dev-laptop|dev-desk) '

laptop
within 'the laptop takes search in pr-42' 20 pr_is dev-laptop
ok 'and not in prod' prod_is
like "$(override)" '"version":"dev-laptop","holder":"[^"]*@test"' 'the key says who'
ok 'web of pr-42 is as it was' says '^web 1 ' fetch www-pr-42.example.com "$HTTP/"
run_tool cfgrender --print-view
like "$(tr -d ' \n' <<<"$OUT")" '"version":"dev-laptop","routes":\["/search/"\],"override":true' \
	'a view says that it is taken'

# The second is told by whom, and changes nothing.
holder=$(override | sed 's/.*"holder":"\([^"]*\)".*/\1/')
run_tool svcregister register search dev-desk "${ADDRESS[search:dev-desk]}" --env pr-42 --id desk
is "$STATUS" 75 'another is refused'
like "$ERR" "search of environment pr-42 is held by $holder \(version dev-laptop\)" 'by name'
ok 'nothing of it is registered' not etcd_keys backends/search/dev-desk/
ok 'pr-42 stays with the first' pr_is dev-laptop
run_tool svcregister register search x 127.0.0.1:1 --steal
is "$STATUS" 64 'to steal without an environment is a wrong call'
run_tool svcregister register search x 127.0.0.1:1 --env 'PR 42'
is "$STATUS" 65 'an environment of no name is refused'

stop laptop
is "$STATUS" 0 'SIGTERM ends it in order'
within 'and gives the service back' 20 pr_is 1
ok 'with its key' not etcd_has overrides/pr-42/search
laptop
within 'it takes it again' 20 pr_is dev-laptop
stop laptop KILL
within 'a killed one gives it back when its lease is over' 20 pr_is 1
ok 'with its key' not etcd_has overrides/pr-42/search

# A restart after a crash is no other holder.
laptop
within 'taken once more' 20 pr_is dev-laptop
stop laptop KILL
laptop
within 'who crashed and is back at once has it' 20 log_has laptop 'registered'
ok 'and was not refused by itself' not log_has laptop 'held by'
ok 'it is the laptop' pr_is dev-laptop

# Stealing.
: >"$T/log/desk"
start_tool_as desk svcregister register search dev-desk "${ADDRESS[search:dev-desk]}" \
	--env pr-42 --ttl 2s --id desk --steal
within 'another steals it' 20 pr_is dev-desk
wait_exit laptop 20
is "$STATUS" 75 'the first ends'
like "$(<"$T/log/laptop")" \
	"search of environment pr-42 was taken by $holder \(version dev-desk\)" 'and is told by whom'
ok 'nothing of it is left' not etcd_keys backends/search/dev-laptop/
stop desk
within 'then it is given back to nobody but the environment' 20 pr_is 1

# With all of this, and with versions that were new to HAProxy, no request was lost.
stop pr
LOAD=$(tail -n 1 "$T/log/pr")
is "$(load_says failed)" 0 "none of $(load_says requests) requests failed"
for version in 1 dev-laptop dev-desk; do
	like "$(<"$T/log/pr")" "^ok [0-9]+ search $version " "version $version had some"
done

# A laptop that is gone without a word, long before its lease is over.
laptop --ttl 10m
within 'the laptop has it for long' 20 pr_is dev-laptop
stop laptop KILL
stop search:dev-laptop KILL
within 'when it dies the environment'"'"'s own version answers' 20 pr_is 1
ok 'though the laptop still holds it' override_names dev-laptop
etcd_put backends/search/1/b "${ADDRESS[search:dev-desk]}"
within 'as that one is by then' 20 pr_is dev-desk
etcd_del backends/search/1/b
start search:dev-laptop "$TEST_BIN/app" --listen "${ADDRESS[search:dev-laptop]}" --service search \
	--version dev-laptop
within 'it has it again when it wakes up' 20 pr_is dev-laptop
ok 'prod never noticed' prod_is
stop laptop KILL
etcd_del overrides/pr-42/search
etcdctl del --prefix /mayfly/backends/search/dev-laptop/ >/dev/null
within 'until somebody tidies up behind it' 20 pr_is 1

# Around a program.
start_tool_as wrapped svcregister register search dev-laptop 127.0.0.1:auto --env pr-42 --ttl 2s \
	--id wrapped --drain-time 0s -- "$BASH" -c \
	'exec "$0" --listen "127.0.0.1:$PORT" --service search --version dev-laptop' "$TEST_BIN/app"
within 'a program takes it once it listens' 20 pr_is dev-laptop
run_tool svcregister register search dev-desk 127.0.0.1:auto --env pr-42 --id desk --no-check -- "${IDLE[@]}"
is "$STATUS" 75 'another program is refused and ended'
start_tool_as desk svcregister register search dev-desk "${ADDRESS[search:dev-desk]}" \
	--env pr-42 --ttl 2s --id desk --steal
within 'when it is stolen' 20 pr_is dev-desk
within 'the program is told' 10 log_has wrapped 'was taken by .*dev-desk'
ok 'and goes on' is_running wrapped
stop wrapped
is "$STATUS" 0 'until it is stopped'
ok 'the thief has it' pr_is dev-desk
stop desk
within 'until the end' 20 pr_is 1

# From a directory, and without its lease.
mkdir "$T/services"
service_file() { # [LINE...]
	printf '%s\n' 'service: search' 'version: dev-desk' 'address: 127.0.0.1' \
		"port: ${ADDRESS[search:dev-desk]##*:}" 'env: pr-42' "$@" >"$T/services/.new"
	mv "$T/services/.new" "$T/services/desk.yaml"
}
laptop
within 'the laptop has it' 20 pr_is dev-laptop
service_file
start_tool_as dir svcregister dir "$T/services" --ttl 2s
within 'a service file is refused' 20 log_has dir "is held by $holder \(version dev-laptop\)"
ok 'and not announced' not etcd_keys backends/search/dev-desk/
lease=$(etcdctl get -w json /mayfly/overrides/pr-42/search | sed -n 's/.*"lease":\([0-9]*\).*/\1/p')
etcdctl lease revoke "$(printf '%x' "$lease")" >/dev/null
has_another_lease() {
	override | grep -q dev-laptop &&
		! etcdctl get -w json /mayfly/overrides/pr-42/search | grep -q "\"lease\":${lease}[,}]"
}
within 'a laptop whose lease is lost takes it under another' 20 has_another_lease
within 'and has it' 20 pr_is dev-laptop
service_file 'steal: true'
within 'a file that steals has it' 20 pr_is dev-desk
wait_exit laptop 20
is "$STATUS" 75 'and the laptop ends'
rm "$T/services/desk.yaml"
within 'a file that goes gives it back' 20 pr_is 1
stop dir

# An instance that does not take traffic gives it back for as long.
etcd_put overrides/pr-42/search '{"version":"dev-laptop"}'
etcd_put backends/search/dev-laptop/x "${ADDRESS[search:dev-laptop]}"
within 'by hand: key and instance' 20 pr_is dev-laptop
etcd_put backends/search/dev-laptop/x "{\"address\":\"127.0.0.1\",
	\"port\":${ADDRESS[search:dev-laptop]##*:},\"state\":\"drain\"}"
within 'an instance that drains gives it back' 20 pr_is 1
etcd_put backends/search/dev-laptop/x "${ADDRESS[search:dev-laptop]}"
within 'and takes it again' 20 pr_is dev-laptop
etcd_del environments/pr-42
env_of pr-42
within 'an environment that comes again is still taken' 20 pr_is dev-laptop
ok 'prod never noticed' prod_is
within 'files and HAProxy say the same' 20 all_is_one

done_testing
