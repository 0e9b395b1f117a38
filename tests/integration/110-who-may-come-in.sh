#!/bin/bash
# Environments say who may come in from outside, and nobody else does.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

# list NAME LINE...: of users
list() {
	printf '%s\n' "${@:2}" >"$T/$1.new"
	chmod 640 "$T/$1.new"
	mv "$T/$1.new" "$T/users.d/$1"
}
# shellcheck disable=SC2016 # so are hashes: of secret, other and third
ANN='ann:$5$mayfly$lm77lnjw06Issg9wmUu6AqwbB4lEfRuqzkGOP3Xq.TC' \
	BEN='ben:$6$mayfly$a2JxhNWcr/PGFzePpDRRlF0xhHn9VwE3fV3j80kZVe37LmQDSTi.Hilserajc.v3eUm/5cN8aO1pScNYqbFVF1' \
	CLO='clo:$2b$04$abcdefghijklmnopqrstuuVIVRBIKFfDXzZpLg34SiEnRrdeO5V8S'
mkdir "$T/users.d"
list team '# of the team' "$ANN" "$BEN"
start_mayfly "users=$T/users.d"
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
unlike "$(grep -v '^ *#' "$T/haproxy/haproxy.cfg")" 'access' 'where nobody is kept out it costs nothing'

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

note 'passwords'
# remembered TABLE: how many entries
remembered() { haproxy_cmd "show table $1" | grep -c '^0x'; }
env prod '"access":{"users":"team"}'
within 'a password is asked for' 10 says 401 status prod
is "$(status prod -u ann:secret) $(status prod -u ben:other)" '200 200' 'those of the list are let in'
is "$(remembered access-known)" 2 '  and remembered'
is "$(status prod -u ann:secret)$(status prod -u ann:secret) $(remembered access-known)" '200200 2' '  once'
is "$(status prod -u ann:other) $(status prod -u eve:secret) $(status prod -u clo:third)" '401 401 401' 'nobody else is'
is "$(status prod -H 'authorization: Bearer secret') $(status prod -u ann:secret -H 'authorization: Basic YTpi') $(remembered access-known)" '401 401 2' '  nor by several at once, or another kind'
unlike "$(fetch www-prod.example.com "$HTTP/headers" -u ann:secret)" '^authorization' 'the service does not get to know it'
like "$(fetch www-pr.example.com "$HTTP/headers" -u ann:secret)" '^authorization: Basic' '  but where none is asked for'
for _ in {1..12}; do status prod -u ann:wrong --interface 127.0.0.9; done >"$T/out/wrong"
like "$(<"$T/out/wrong")" '^429$' 'who is wrong again and again has to wait'
is "$(status prod -u ann:secret --interface 127.0.0.9)" 200 '  but those who are known need not'
is "$(status prod -u ann:wrong --interface 127.0.0.10)" 401 '  nor do others'
env prod '"access":{"users":"nobody"}'
within 'of a list that is not there' 10 says 401 status prod -u ann:secret
env prod '"access":{"from":["127.0.0.1","127.0.0.11"],"users":"team"}'
within 'both are asked for' 10 says 403 status prod -u ann:secret --interface 127.0.0.12
is "$(status prod) $(status prod -u ann:secret --interface 127.0.0.11)" '401 200' '  one after the other'

note 'a split and its target with different lists'
list both "$ANN" "$BEN"
env prod '"access":{"users":"both"}'
env door '"split":{"prod":100},"access":{"users":"team"}' '[]'
within 'a password of both lists' 10 says 200 status door -u ben:other
is "$(status door -u ann:secret)" 200 '  is right at once'
is "$(status door -u ann:secret) $(status door -u ann:other) $(status door)" '200 401 401' '  and again, and no other'
list both "$BEN"
within 'of the list of the door alone' 10 says 401 status door -u ann:secret
is "$(status door -u ben:other)" 200 '  it is not enough'
env prod '"access":{"users":"team"}'
env door '"split":{"pr":100},"access":{"from":"127.0.0.6"}' '[]'
within 'all is as before' 10 says 200 as 127.0.0.6 door

# shellcheck disable=SC2016 # a hash has no variables
list team "$BEN" "$CLO" 'dan:$apr1$wDrRExeP$Kx4vPPbKPbBU3uJbGVnB60' 'bad line'
within 'a change of the list' 10 says 200 status prod -u clo:third
is "$(status prod -u ben:other) $(status prod -u ann:secret)" '200 401' '  is in force, and what was remembered is over'
like "$(<"$T/log/kvwatch")" 'a line is left out .*/team"? line=3 reason="HAProxy cannot match such a hash' 'what cannot be matched is named'
like "$(<"$T/log/kvwatch")" 'line=4 reason="is not NAME:HASH"' '  and what is no user'
unlike "$(<"$T/log/kvwatch")" 'Kx4vPP' '  without the hash'
chmod o+r "$T/users.d/team"
list other "$ANN"
within 'a list that others can read' 10 log_has kvwatch 'a list is left out.*users.d/team'
within '  lets nobody in' 10 says 401 status prod -u clo:third

note 'private by default'
env prod
within 'all is one' 10 all_is_one
write_settings "users=$T/users.d" 'access.from=127.0.0.0/24' access.users=other
send_signal HUP kvwatch
within 'where an environment says nothing, the settings count' 20 says 401 status prod
is "$(status prod -u ann:secret) $(status prod -u ann:secret --interface 127.0.1.1)" '200 403' '  networks and passwords'
is "$(as 127.0.0.6 door -u ann:secret)" 200 '  for each of a split'
run_tool mayfly explain http://www-prod.example.com/
like "$OUT" '^Let in: +from 127\.0\.0\.0/24, with a password of other$' '  and explain says so'
env prod '"access":{"from":["0.0.0.0/0","::/0"]}'
within 'one can say that all may come' 10 says 200 as 127.0.1.1 prod

note 'what is said'
env prod '"access":{"from":"127.0.0.5"}'
within 'all is one' 10 all_is_one
run_tool mayfly explain http://www-prod.example.com/
like "$OUT" '^Let in: +from 127\.0\.0\.5$' 'explain says who may come in'
run_tool mayfly explain http://www-prod.example.com/ -o json
like "$OUT" '"access": *"from 127\.0\.0\.5"' '  also as JSON'
for value in '{}' '[]' '{from: []}' '{from: 10.0.0.1/8}' '{from: 10.0.0.0/33}' '{from: example.com}' '{form: 10.0.0.0/8}'; do
	printf 'name: bad\naccess: %s\nservices: []\n' "$value" >"$T/bad.yaml"
	run_tool envwatch --check "$T/bad.yaml"
	like "$STATUS $ERR" '^65 .*(access: .*line 2, column)' "$value is refused"
done

note 'by a socket of this host'
write_settings "users=$T/users.d" "haproxy.bind=[\"127.0.0.1:$HTTP_PORT\", \"$T/run/www\"]"
send_signal HUP kvwatch
by_socket() { curl -s -m 10 -o "$T/out/reply" -w '%{http_code}' --unix-socket "$T/run/www" "http://www-$1.example.com/"; }
env prod '"access":{"from":["0.0.0.0/0","::/0"]}'
within 'who says nothing lets it in' 20 says 200 by_socket pr
is "$(by_socket prod) $(status prod)" '403 200' 'it is in no network'

done_testing
