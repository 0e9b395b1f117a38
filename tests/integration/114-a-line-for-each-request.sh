#!/bin/bash
# The access log: where the settings say so a line for each request, which anybody can parse whatever a
# client has sent, with nothing in it that was not asked for; and each request is part of a trace.
. "$(dirname "$0")/lib.sh"

need haproxy curl socat python3 nghttp

start_app prod-web web 1
start_app pr-web web 2
cat >"$T/environments/all.yaml" <<'E'
- name: prod
  services: [{name: web, version: 1, route: /}]
- name: pr-42
  extends: prod
  services: [{name: web, version: 2}, {name: gone, version: 7, route: /gone}]
E
cat >"$T/backends.yaml" <<E
web: {1: ["${ADDRESS[prod-web]}"], 2: ["${ADDRESS[pr-web]}"]}
E
serve() { # [KEY=YAML...]
	write_settings haproxy.tap=true dnsmasq.hosts= dnsmasq.reload= "$@"
	run_tool kvwatch --once --environments "$T/environments" --backends "$T/backends.yaml"
}
# lines REGEX: those of the log that match, without what the clock says
lines() { grep -aE "$1" "$T/log/haproxy" | sed -E 's/"(time|ms|queue_ms|connect_ms|answer_ms|bytes)":[0-9.]+,//g'; }
# parses: each line of the log is an object with exactly the members that there are; says how many
parses() {
	python3 - "$T/log/haproxy" <<'P'
import json, re, sys
names = ("time client method host path status bytes ms queue_ms connect_ms answer_ms environment service version"
         " instance user traceparent error end")
count = 0
for line in open(sys.argv[1], "rb"):
    if line.startswith(b"["):  # HAProxy's own
        continue
    entry = json.loads(line.decode("utf-8"))
    assert " ".join(entry) == names, entry
    assert re.fullmatch("([0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2})?", entry["traceparent"]), entry
    count += 1
print(count)
P
}

note 'where it is not asked for'
serve
unlike "$(<"$T/haproxy/haproxy.cfg")" 'log_|traceparent|mayfly-log' 'HAProxy has nothing of it'
start_haproxy
fetch www-prod.example.com "$HTTP/headers" >"$T/out/reply"
unlike "$(<"$T/out/reply")" traceparent 'nor does a service'

note 'as JSON, on standard output'
serve 'haproxy.log={to: stdout}'
is "$STATUS" 0 'HAProxy is reloaded with haproxy.log'
seen() { # a request is sent until one is in the log
	fetch www-prod.example.com "$HTTP/warm-up" >"$T/out/warm-up"
	log_has haproxy warm-up
}
mark haproxy
within 'it writes a line' 10 seen
trace=0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331
fetch www-pr-42.example.com "$HTTP/list?token=secret" -H 'cookie: id=secret' -H "traceparent: 00-$trace-00" >"$T/out/reply"
fetch www-pr-42.example.com "$HTTP/gone" >"$T/out/reply"
fetch www-none.example.com "$HTTP/nowhere" >"$T/out/reply"
fetch web.service "$INTERNAL/inside" -H 'x-mayfly: pr-42' >"$T/out/reply"
fetch any "$LOCAL/web/from-here" -H 'x-mayfly: prod' >"$T/out/reply"
within 'all are there' 10 log_has haproxy from-here
is "$(lines '/list')" '{"client":"127.0.0.1","method":"GET","host":"www-pr-42.example.com","path":"\/list","status":200,"environment":"pr-42","service":"web","version":"2","instance":"'"${ADDRESS[pr-web]}"'","user":"","traceparent":"00-'$trace'-00","error":"","end":"--"}' \
	'who asked, who answered, in which trace'
like "$(lines '/gone')" '"status":503,"queue_ms":-1,"connect_ms":-1,"answer_ms":-1,"environment":"pr-42","service":"gone","version":"7","instance":"","user":"","traceparent":"00-[0-9a-f-]+-01","error":"no-instance"' \
	'one that nobody answers'
like "$(lines '/nowhere')" '"environment":"[^"]*","service":"","version":"","instance":"",.*"error":"no-environment"' \
	'one of no environment'
like "$(lines '/inside')" '"environment":"pr-42","service":"web","version":"2"' 'a call between services'
like "$(lines '/from-here')" '"path":".*from-here",.*"environment":"prod","service":"web","version":"1"' \
	'a call of a process of this host'
unlike "$(<"$T/log/haproxy")" secret 'no query and no cookie'

note 'hostile clients'
# raw TEXT: to the port of the outside, as it is
raw() { printf '%b' "$1" | socat -t 2 - "TCP:127.0.0.1:$HTTP_PORT" >"$T/out/reply"; }
# shellcheck disable=SC2016 # it is to be sent as it is
for host in 'a"b' 'a\\\\b' 'a\001b' 'a\377b' 'a\303' '","x":"' 'a%00' '${x}' '%[src]' "$(printf 'h%.0s' {1..400})"; do
	raw "GET /hostile HTTP/1.1\r\nhost: $host\r\nconnection: close\r\n\r\n"
done
for path in '/"' '/a\\\\b' '/\033[2J' '/\377' '/","status":0,"x":"' '/{}' '/%22%0a' "/$(printf '"%.0s' {1..3000})"; do
	raw "GET $path HTTP/1.1\r\nhost: www-prod.example.com\r\nconnection: close\r\n\r\n"
done
for method in 'A"B' 'A\\\\B' "$(printf 'M%.0s' {1..300})" "!#\$%&'*+.^_\`|~"; do
	raw "$method / HTTP/1.1\r\nhost: www-prod.example.com\r\nconnection: close\r\n\r\n"
done
for value in '"' '00-"' "$(printf '0%.0s' {1..4000})" "cc-$trace-01-\\\\\"x"; do
	raw "GET / HTTP/1.1\r\nhost: www-prod.example.com\r\ntraceparent: $value\r\nconnection: close\r\n\r\n"
done
raw '\026\003\001\002'
nghttp -n -H ':method: G"\x' -H ':authority: a"\x' -H ':path: /"\x' "$HTTP/" >"$T/out/h2" 2>&1
fetch www-prod.example.com "$HTTP/the-last" >"$T/out/reply"
within 'the last one is there' 10 log_has haproxy the-last
count=$(parses)
is $? 0 'each line is JSON, with the same members'
ok 'for nearly every request there is one' test "${count:-0}" -ge 30

note 'mayfly tap reads it, too'
start_tool_as tap mayfly tap pr-42 -o json
tapped() {
	fetch www-pr-42.example.com "$HTTP/list%22" >"$T/out/reply"
	log_has tap list
}
within 'a request is seen' 10 tapped
like "$(<"$T/log/tap")" '"environment":"pr-42","method":"GET","path":"/list%22","service":"web","version":"2","instance":"[^"]+","status":200' \
	'  as without the log'
stop tap

note 'with what is asked for'
serve 'haproxy.log={to: stderr, query: true, headers: [User-Agent, Cookie]}'
mark haproxy
more() {
	fetch www-prod.example.com "$HTTP/more?a=\"1" -A 'me "and" you' -H 'cookie: a=1' -H 'cookie: b=2' >"$T/out/reply"
	log_has haproxy '"query":"a=.*1"'
}
within 'queries are there' 10 more
like "$(lines '/more' | tail -n 1)" '"headers":\{"user-agent":"me ."and." you","cookie":"[^"]*b=2"\}\}$' '  and headers'

note 'as text, in a ring'
serve 'haproxy.log={to: ring, format: text}'
ring() {
	fetch www-pr-42.example.com "$HTTP/as-text" >"$T/out/reply"
	haproxy_cmd 'show events mayfly-log' >"$T/out/ring" && grep -q as-text "$T/out/ring"
}
within 'they are in the ring' 10 ring
like "$(<"$T/out/ring")" "[0-9]{10}\.[0-9]{3} 127\.0\.0\.1 \"GET\" \"www-pr-42\.example\.com\" \"..as-text\" 200 [0-9]+ [0-9]+ 0 [0-9]+ [0-9]+ pr-42 web 2 ${ADDRESS[pr-web]} \"\" 00-[0-9a-f]{32}-[0-9a-f]{16}-01 - --" \
	'  with the same values'
start_tool_as text mayfly tap pr-42 -o json
tapped() {
	fetch www-pr-42.example.com "$HTTP/again" >"$T/out/reply"
	log_has text '"path":"/again","service":"web","version":"2"'
}
within 'mayfly tap reads that, too' 10 tapped

note 'who has logged in'
mkdir "$T/users.d"
# shellcheck disable=SC2016 # the hash of secret
printf '%s\n' 'ann:$5$mayfly$lm77lnjw06Issg9wmUu6AqwbB4lEfRuqzkGOP3Xq.TC' >"$T/users.d/team"
chmod 640 "$T/users.d/team"
cat >"$T/environments/closed.yaml" <<'E'
name: closed
access: {users: team}
services: [{name: web, version: 1, route: /}]
E
serve "users=$T/users.d" 'haproxy.log={to: stdout}'
mark haproxy
logs_in() {
	fetch www-closed.example.com "$HTTP/entered" -u ann:secret >"$T/out/reply"
	log_has haproxy '"path":"..entered",.*"user":"ann"'
}
within 'the user is in the line' 10 logs_in
fetch www-closed.example.com "$HTTP/refused" -u ann:wrong >"$T/out/reply"
within 'whoever does not know the password' 10 log_has haproxy '"path":"..refused",.*"status":401,.*"user":""'
unlike "$(<"$T/log/haproxy")" 'secret|YW5u' '  and no password'

note 'as syslog'
ports 1
start syslog socat -u "UDP-RECV:${PORTS[0]},bind=127.0.0.1" STDOUT
serve "haproxy.log={to: \"127.0.0.1:${PORTS[0]}\"}"
syslog() {
	fetch www-prod.example.com "$HTTP/by-udp" >"$T/out/reply"
	log_has syslog by-udp
}
within 'it comes by UDP' 10 syslog
like "$(<"$T/log/syslog")" '<134>1 [0-9TZ:.+-]+ .* - - \{"time"' '  as RFC 5424'

done_testing
