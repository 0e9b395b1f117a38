#!/bin/bash
# Requests from outside are shown to a service of the same environment first, which lets them in or not.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl python3 socat

# start_auth NAME: a service that says who may come in; what it is asked stands in its log
start_auth() {
	start "$1" python3 -B "$TOP/tests/tools/auth_service.py"
	wait_for 10 log_has "$1" '^listening' || die "$1 does not come up"
	ADDRESS[$1]=$(sed -n 's/^listening //p' "$T/log/$1" | tail -n 1)
}
asked() { grep -c '^asked' "$T/log/${1:-auth-1}"; } # how often
start_mayfly
start_app web web 1
start_auth auth-1
start_auth auth-2
etcd_put backends/web/1/a "${ADDRESS[web]}"
etcd_put backends/auth/1/a "${ADDRESS[auth-1]}"
etcd_put backends/auth/2/a "${ADDRESS[auth-2]}"
# env NAME MEMBERS
env() { etcd_put "environments/$1" "{\"name\":\"$1\",$2\"services\":[{\"name\":\"web\",\"version\":\"1\",\"route\":\"/\"},{\"name\":\"auth\",\"version\":\"1\"}]}"; }
get() { fetch "www-$1.example.com" "$HTTP${2:-/}" "${@:3}" | tr -d '\r'; } # ENV [PATH [CURL-OPTION...]]
status() { get "$@" | tail -n 1; }
auth() { # [MEMBERS]
	echo "\"auth\":{\"service\":\"auth\",\"path\":\"/verify\",\"pass\":[\"Cookie\"],\"set\":[\"X-User\"],\"except\":[\"/health\"]${1:+,$1}},"
}

env prod ''
env open ''
within 'all is there' 10 says 200 status prod
unlike "$(grep -v '^ *#' "$T/haproxy/haproxy.cfg")" 'lua|auth' 'where nobody is asked it costs nothing'
env prod "$(auth)"
within 'who is not let in gets the answer of the service' 20 says 401 status prod
reply=$(get prod / -i)
like "$reply" '^who are you\?$' '  as it is'
like "$reply" '^www-authenticate: Custom' '  with its headers'
reply=$(get prod / -i -b login=1)
like "$(grep -c '^set-cookie: [cd]=' <<<"$reply") $reply" '^2 HTTP/1.1 302' '  and its redirect'
is "$(status prod / -b login=1 -I)" 302 '  of HEAD, too'
is "$(status prod / -b yes=ann) $(status open)" '200 200' 'who is let in comes through'
like "$(get prod /headers -b yes=ann)" '^x-user: ann$' '  with the headers named'
unlike "$(get prod /headers -b yes=ann)" '^x-other' '  and no others'
reply=$(get prod /headers -b yes=ann -H 'x-user: forged' -H 'X_User: forged' -H 'x.user: forged' -H 'X-USER: forged')
is "$(grep -ci 'forged' <<<"$reply") $(grep -c '^x-user: ann$' <<<"$reply")" '0 1' "a client's own never get through"
unlike "$(get prod /health -H 'x-user: forged' -H 'x_user: forged' -i)" forged '  nor where it is not asked'
is "$(get prod / -b cookie=ann -i | grep -c '^set-cookie: [ab]=')" 2 'its cookies reach the client'
get prod '/a/b?c=d' -X PATCH -b yes=ann >/dev/null
like "$(tail -n 1 "$T/log/auth-1")" '^asked /verify accept=\*/\* baggage=mayfly=prod cookie=yes=ann host=auth\.service user-agent=HAProxy x-forwarded-for=127\.0\.0\.1 x-forwarded-host=www-prod\.example\.com x-forwarded-method=PATCH x-forwarded-proto=http x-forwarded-uri=/a/b\?c=d x-mayfly=prod$' 'it sees this much'
get prod / -b yes=ann -H 'host: elsewhere.example.com, www-prod.example.com' >/dev/null
like "$(tail -n 1 "$T/log/auth-1")" ' x-forwarded-host=www-prod\.example\.com ' '  of several hosts in one the one that counts'
before=$(asked)
is "$(status prod /health) $(status prod /health/x)" '200 200' 'about some paths it is not asked'
is "$(asked)" "$before" '  at all'
for path in /healthy /health/../x /health%2f..%2fx '/health;x' //health /Health /health/./x '/health\x'; do
	like "$(status prod "$path" --path-as-is)" '^40[01]$' "$path is none of them"
done
is "$(fetch_status web.service "$INTERNAL/" -H 'x-mayfly: prod')" 200 'services call each other'
body=$(head -c 30000 /dev/zero | tr '\0' x)
is "$(get prod / -b yes=ann -d "$body" | tail -n 1)" 200 'what was sent comes through'
is "$(get prod / -b big=15000 | head -n 1 | wc -c)" 15001 'an answer of 15,000 bytes goes back whole'
is "$(status prod / -b big=15001)" 503 '  and a longer one is none'

note 'no answer'
env prod "$(auth '"timeout":"300ms"')"
within 'it has its time' 10 says 503 status prod / -b slow=2
like "$(get prod / -b slow=2 -H 'accept: application/json')" '"error": "no-auth"' '  and that is said'
before=$(asked)
is "$(status prod / -b slow=2) $(status prod / -b cut=1)" '503 503' 'nobody else is let in'
is "$(asked)" "$((before + 2))" '  and it is asked once'
send_signal STOP auth-1
is "$(status prod / -b yes=ann)" 503 '  where it stands still'
send_signal CONT auth-1
env prod "$(auth '"service":"none"' | sed 's/"service":"auth",//')"
within '  where there is none' 10 says 503 status prod / -b yes=ann

note 'changes'
within 'all is one' 10 all_is_one
before=$(haproxy_reloads)
env prod "$(auth '"remember":"1h"')"
within 'a yes is remembered' 10 says 200 status prod / -b yes=ann
was=$(asked)
is "$(status prod / -b yes=ann) $(get prod / -b yes=ann -i | tail -n 1)" '200 200' '  for the same'
is "$(asked)" "$was" '  so that it is not asked again'
is "$(status prod / -b yes=ben) $(status prod /x -b yes=ann) $(status prod /x -b yes=ann -X POST) $(status prod '/?' -b yes=ann)" '200 200 200 200' '  and for nothing else'
is "$(asked)" "$((was + 4))" '  of which it is asked'
is "$(status prod / -b no=1) $(status prod / -b no=1)" '401 401' '  and a no is not'
is "$(asked)" "$((was + 6))" '  at all'
etcd_put environments/pr '{"name":"pr","extends":"prod","services":[{"name":"auth","version":"2"}]}'
within 'who extends it has the same' 10 says 200 status pr / -b yes=ann
is "$(asked auth-2) $(asked)" "1 $((was + 6))" '  of its own version'
etcd_put environments/pr '{"name":"pr","extends":"prod","auth":null,"services":[{"name":"auth","version":"2"}]}'
within '  unless it says null' 10 says 200 status pr / -b no=1
etcd_put environments/door '{"name":"door","split":{"prod":100},"services":[]}'
within 'visitors are shown to whom they are sent to' 10 says 401 status door / -b no=1
was=$(asked)
is "$(status door / -b yes=clo) $(asked)" "200 $((was + 1))" '  once'
etcd_put environments/open '{"name":"open","services":[{"name":"web","version":"1","route":"/"}]}'
within 'an open environment' 10 says 200 status open / -b no=1
asking=',"auth":{"service":"auth","path":"/verify","pass":["Cookie"]},"services":[{"name":"auth","version":"1"}]'
etcd_put environments/door "{\"name\":\"door\",\"split\":{\"open\":100}$asking}"
within 'who sends visitors on shows them, too' 10 says 401 status door / -b no=1
within '  and lets them in' 10 says 200 status door / -b yes=clo
etcd_put environments/way '{"name":"way","split":{"door":100},"services":[]}'
within 'so does one of its own visitors that others sent' 10 says 401 status way / -b no=1
is "$(haproxy_reloads)" "$before" 'takes no reload'
within 'all is one' 10 all_is_one
run_tool mayfly explain http://www-prod.example.com/
like "$OUT" '^Let in: +whom auth lets in at /verify, but not asked about /health$' 'explain says it'

note 'what is no way to ask'
for value in '{}' '{service: a b}' '{service: a, set: [host]}' '{service: a, set: [x-mayfly]}' '{service: a, pass: [connection]}' '{service: a, set: [x_user]}' '{service: a, timeout: 1h}' '{service: a, path: x}' '{service: a, except: x}'; do
	printf 'name: bad\nauth: %s\nservices: []\n' "$value" >"$T/bad.yaml"
	run_tool envwatch --check "$T/bad.yaml"
	like "$STATUS $ERR" '^65 .*(auth: .*line 2, column)' "$value is refused"
done

done_testing
