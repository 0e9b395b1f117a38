#!/bin/bash
# A browser is handed in by a signed link: it sees an environment at the host name of another one, until
# the link's time is over or it leaves.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat openssl

use_ports
ports 1
TLS_PORT=${PORTS[0]}
mkdir "$T/certificates"
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=shop.example.com \
	-addext subjectAltName=DNS:shop.example.com,DNS:plain.example.com -keyout "$T/certificates/a.key" \
	-out "$T/certificates/a.crt" 2>"$T/log/openssl" || die 'no certificate'
LINKS=haproxy.link_key=$T/run/link.key
start_mayfly "$LINKS" haproxy.tls="{bind: [\"127.0.0.1:$TLS_PORT\"], certificates: $T/certificates}"
start_app web frontend 1
start_app new frontend 2
etcd_put backends/frontend/1/a "${ADDRESS[web]}"
etcd_put backends/frontend/2/a "${ADDRESS[new]}"
environment() { # NAME LINE...
	printf 'name: %s\n' "$1" >"$T/.new"
	printf '%s\n' "${@:2}" >>"$T/.new"
	mv "$T/.new" "$T/environments/$1.yaml"
}
frontend() { printf 'services: [{name: frontend, version: %s, route: /}]' "$1"; }
environment prod 'hosts: [shop.example.com]' "$(frontend 1)"
environment plain 'hosts: [plain.example.com]' "$(frontend 1)"
write_environment pr-42 frontend=2@/
write_environment pr-43 frontend=2@/
get() { fetch shop.example.com "$HTTP$1" "${@:2}"; } # PATH [CURL-OPTION...]
within 'its own environment' 20 says 'frontend 1' get /
like "$(get /.mayfly/enter/pr-42)" 'frontend 1' 'nothing of this is there before it is asked for'

note 'a link'
is_refused 65 'plain.example.com is of environment plain, which does not say enter: cookie' link pr-42 http://plain.example.com/
environment prod 'hosts: [shop.example.com]' 'enter: cookie' "$(frontend 1)"
within 'it is asked for' 20 says 'no-entry' get /.mayfly/enter/pr-42 -D -
is "$(stat -c %a "$T/run/link.key")" 640 'the key was made'
is_refused 66 'environment "pr-44": there is none' link pr-44
is_refused 65 'give a URL' link pr-42
is_refused 64 'neither query nor fragment' link pr-42 'http://shop.example.com/?a=b'
run_tool mayfly link pr-42 "http://shop.example.com/tasks/7"
is "$STATUS" 0 'mayfly link'
like "$OUT" '^http://shop.example.com/.mayfly/enter/pr-42/tasks/7\?until=[0-9]+&key=[0-9a-f]{64}$' '  prints an address'
LINK=${OUT#http://shop.example.com}
enter() { fetch shop.example.com "$HTTP$1" -D - "${@:2}"; } # PATH [CURL-OPTION...]
reply=$(enter "$LINK")
like "$reply" '^HTTP/1.1 303' 'who follows it is sent on'
like "$reply" '^location: /tasks/7'$'\r''?$' '  to the page that it was for'
like "$reply" '^set-cookie: mayfly-enter=pr-42\.[0-9]+\.[0-9a-f]{64}; Path=/; Max-Age=(86400|863[0-9]{2}); HttpOnly; SameSite=Lax'$'\r''?$' \
	'  with a cookie, of the same time'
like "$reply" '^referrer-policy: no-referrer' '  and tells nobody of it'
COOKIE=$(sed -n 's/^set-cookie: \(mayfly-enter=[^;]*\);.*/\1/p' <<<"$reply")
reply=$(get /headers -H "Cookie: a=b; $COOKIE")
like "$reply" '^x-mayfly: pr-42' 'the real host name shows the other environment'
like "$(get / -H "Cookie: $COOKIE")" 'frontend 2' '  all of it'
like "$(get /)" 'frontend 1' 'and everybody else their own'
like "$(fetch www-pr-43.example.com "$HTTP/" -H "Cookie: $COOKIE" )" 'frontend 2' 'other hosts as they were'
reply=$(enter /.mayfly/leave -H "Cookie: $COOKIE")
like "$reply" '^set-cookie: mayfly-enter=; Path=/; Max-Age=0' 'leaving ends it'
like "$reply" '^location: /'$'\r''?$' '  and goes home'
environment child 'extends: prod' 'services: [{name: frontend, version: 2}]'
wait_for 10 etcd_has environments/child
run_tool mayfly link child
like "$OUT" "^https://shop.example.com/.mayfly/enter/child\?" 'the host of who is extended, where none is said'

note 'by TLS'
tls() { curl -sk -m 10 -D - --resolve "shop.example.com:$TLS_PORT:127.0.0.1" "https://shop.example.com:$TLS_PORT$1" "${@:2}"; }
like "$(tls "$LINK")" 'SameSite=Lax; Secure'$'\r''?$' 'the cookie is for nothing else'
curl -skL -m 10 -c "$T/jar" -b "$T/jar" --resolve "shop.example.com:$TLS_PORT:127.0.0.1" \
	"https://shop.example.com:$TLS_PORT${LINK/tasks\/7/}" >"$T/out/page"
like "$(cat "$T/out/page")" 'frontend 2' 'a browser that follows it is there'

note 'what is not right'
refuses() { # NAME PATH
	local reply

	reply=$(enter "$2")
	like "$reply" '^HTTP/1.1 40[03]' "$1"
	unlike "$reply" '^set-cookie: mayfly-enter' '  has no cookie'
}
until=${LINK#*until=} key=${LINK#*key=}
until=${until%%&*}
refuses 'another environment' "${LINK/pr-42/pr-43}"
refuses 'a later end' "${LINK/until=$until/until=$((until + 1))}"
refuses 'two ends' "${LINK/until=$until/until=$((until + 1))&until=$until}"
refuses 'another key' "${LINK/key=$key/key=${key//[0-9]/0}}"
refuses 'no key' "${LINK%&key=*}"
refuses 'an empty key' "${LINK%=*}="
refuses 'in upper case' "${LINK/key=$key/key=${key^^}}"
refuses 'another host, in the environment' "${LINK/pr-42/pr-42|x}"
refuses 'leading elsewhere' "${LINK/\/tasks\/7//\/evil.example.com}"
refuses 'leading elsewhere, by a backslash' "${LINK/\/tasks\/7//\\evil.example.com}"
unlike "$(fetch plain.example.com "$HTTP$LINK" -D -)" 'mayfly-enter' 'a host whose environment does not take them'
environment plain 'hosts: [plain.example.com]' 'enter: cookie' "$(frontend 1)"
within '  one that does' 10 says 'no-entry' fetch plain.example.com "$HTTP$LINK" -D -
unlike "$(fetch plain.example.com "$HTTP$LINK" -D -)" '^set-cookie' '  takes those for itself only'
for cookie in "${COOKIE/pr-42/pr-43}" "${COOKIE%?}" "${COOKIE/$until/$((until + 9))}" mayfly-enter=pr-42 mayfly-enter=pr-42.. ; do
	like "$(get / -H "Cookie: $cookie")" 'frontend 1' "a cookie: ${cookie:0:40}"
done
like "$(fetch plain.example.com "$HTTP/" -H "Cookie: $COOKIE")" 'frontend 1' 'a cookie of another host'
past=$((until - 200000))
sign() { printf '%s' "$1" | openssl dgst -sha256 -mac HMAC -macopt "hexkey:$(sed 's/^key //' "$T/run/link.key" | base64 -d | od -An -v -tx1 | tr -d ' \n')" | sed 's/.*= //'; }
refuses 'one whose time is over' "/.mayfly/enter/pr-42?until=$past&key=$(sign "shop.example.com|pr-42|$past")"
like "$(get / -H "Cookie: mayfly-enter=pr-42.$past.$(sign "shop.example.com|pr-42|$past")")" 'frontend 1' '  and its cookie'
rm "$T/environments/pr-42.yaml"
within 'an environment that is no more' 10 says 'There is no environment named pr-42' get / -H "Cookie: $COOKIE"

note 'changes of it'
reloads=$(haproxy_reloads)
environment prod 'hosts: [shop.example.com]' "$(frontend 1)"
within 'it is asked for no more' 10 says 'frontend 1' get / -H "Cookie: $COOKIE"
is "$(haproxy_reloads)" "$reloads" '  without a reload'
done_testing
