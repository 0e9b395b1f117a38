#!/bin/bash
# Environments say who may come in from outside, and nobody else does.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

start_mayfly
for version in 1 2; do
	start_app "web-$version" web $version
	etcd_put "backends/web/$version/a" "${ADDRESS[web-$version]}"
done
# env NAME [MEMBERS] [SERVICES]
env() { etcd_put "environments/$1" "{\"name\":\"$1\",${2:+$2,}\"services\":${3-[{\"name\":\"web\",\"version\":\"1\",\"route\":\"/\"\}]}}"; }
status() { fetch_status "www-$1.example.com" "$HTTP/" "${@:2}"; } # ENV [CURL-OPTION...]
# as ADDRESS ENV [CURL-OPTION...]
as() { status "$2" --interface "$1" "${@:3}"; }

env prod
env open
within 'all is there' 10 says 200 status prod
unlike "$(<"$T/haproxy/haproxy.cfg")" 'access' 'where nobody is kept out it costs nothing'

note 'networks'
env prod '"access":{"from":["127.0.0.0/30","127.0.1.128/25"]}'
within 'others are kept out' 20 says 403 as 127.0.0.4 prod
is "$(as 127.0.0.1 prod) $(as 127.0.0.3 prod) $(as 127.0.1.128 prod)" '200 200 200' 'these are let in'
is "$(as 127.0.0.4 prod) $(as 127.0.1.127 prod) $(as 127.1.0.1 prod)" '403 403 403' '  and nobody next to them'
is "$(as 127.0.0.4 open)" 200 '  but where nothing is said'
reply=$(fetch www-prod.example.com "$HTTP/" --interface 127.0.0.4 -i -H 'accept: application/json')
like "$reply" '"error": "no-entry", .*"environment": "prod"' 'it is said why'
like "$reply" '^x-mayfly-error: no-entry' '  in a header, too'
for header in 'x-forwarded-for: 127.0.0.1' 'forwarded: for=127.0.0.1' 'x-real-ip: 127.0.0.1' 'x-mayfly: open'; do
	is "$(as 127.0.0.4 prod -H "$header")" 403 "$header does not help"
done
is "$(as 127.0.0.4 prod --path-as-is "$HTTP/a/../%2e/;x")" $'403' '  nor does a path' # the last URL's
is "$(fetch_status web.service "$INTERNAL/" -H 'x-mayfly: prod' --interface 127.0.0.4)" 200 'services call each other'

note 'changes'
before=$(haproxy_reloads)
env prod '"access":{"from":"127.0.0.4"}'
within 'another address' 10 says 200 as 127.0.0.4 prod
is "$(as 127.0.0.1 prod)" 403 '  in the place of those'
env open '"access":{"from":["10.0.0.0/8","fc00::/7"]}'
within 'another environment' 10 says 403 status open
etcd_put environments/pr '{"name":"pr","extends":"prod","services":[{"name":"web","version":"2"}]}'
within 'who extends it has the same' 10 says 200 as 127.0.0.4 pr
is "$(as 127.0.0.1 pr)" 403 '  and lets nobody else in'
env prod '"access":{"from":"127.0.0.5"}'
within '  also when it changes' 10 says 200 as 127.0.0.5 pr
is "$(as 127.0.0.4 pr)" 403 '  and no longer who was let in'
etcd_put environments/pr '{"name":"pr","extends":"prod","access":null,"services":[{"name":"web","version":"2"}]}'
within '  unless it says null' 10 says 200 as 127.0.0.1 pr
env door '"split":{"prod":100}' '[]'
within 'visitors are let in by who answers' 10 says 200 as 127.0.0.5 door
is "$(as 127.0.0.1 door)" 403 '  and by nobody else'
env door '"split":{"pr":100},"access":{"from":"127.0.0.6"}' '[]'
within '  and by whom they asked for' 10 says 403 as 127.0.0.1 door
is "$(as 127.0.0.6 door)" 200 '  alone'
is "$(haproxy_reloads)" "$before" 'takes no reload'
within 'all is one' 10 all_is_one

note 'what is said'
run_tool mayfly explain http://www-prod.example.com/
like "$OUT" '^Let in: +from 127\.0\.0\.5$' 'explain says who may come in'
run_tool mayfly explain http://www-prod.example.com/ -o json
like "$OUT" '"access": *"from 127\.0\.0\.5"' '  also as JSON'
for value in '{}' '[]' '{from: []}' '{from: 10.0.0.1/8}' '{from: 10.0.0.0/33}' '{from: example.com}' '{form: 10.0.0.0/8}'; do
	printf 'name: bad\naccess: %s\nservices: []\n' "$value" >"$T/bad.yaml"
	run_tool envwatch --check "$T/bad.yaml"
	like "$STATUS $ERR" '^65 .*(access: .*line 2, column)' "$value is refused"
done

done_testing
