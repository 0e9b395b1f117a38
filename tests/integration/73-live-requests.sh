#!/bin/bash
# Requests are seen while they are answered, by mayfly tap: who asked whom for what, and nothing else;
# and mayfly top sums them up.
. "$(dirname "$0")/lib.sh"

need haproxy curl socat

start_app prod-web web 1
start_app pr-web web 2
start_app prod-tasks tasks 1
cat >"$T/environments/all.yaml" <<'E'
- name: prod
  services: [{name: web, version: 1, route: /}, {name: tasks, version: 1, route: /tasks}]
- name: pr-42
  extends: prod
  services: [{name: web, version: 2}, {name: gone, version: 7, route: /gone}]
E
cat >"$T/backends.yaml" <<E
web: {1: ["${ADDRESS[prod-web]}"], 2: ["${ADDRESS[pr-web]}"]}
tasks: {1: ["${ADDRESS[prod-tasks]}"]}
E
serve() { # [KEY=YAML...]
	write_settings "$@"
	run_tool kvwatch --once --environments "$T/environments" --backends "$T/backends.yaml"
}

note 'where it is not asked for'
serve
unlike "$(<"$T/haproxy/haproxy.cfg")" 'mayfly-tap' 'HAProxy has nothing of it without haproxy.tap'
is_refused 69 "$T/run/admin.sock" tap
start_haproxy
is_refused 66 'HAProxy keeps no requests: haproxy.tap' tap
is_refused 64 'must be table, wide or json' tap -o yaml

note 'while it is read'
serve haproxy.tap=true
is "$STATUS" 0 'HAProxy is reloaded with haproxy.tap'
is_refused 66 'environment "pr-4": there is none: did you mean "pr-42"' tap pr-4

# Other requests are sent until one is seen.
seen() { # NAME
	fetch www-prod.example.com "$HTTP/warm-up" >"$T/out/warm-up"
	log_has "$1" /warm-up
}
start_tool_as all mayfly tap -o json
start_tool_as one mayfly tap pr-42
for name in all one; do
	within "a request is seen ($name)" 10 seen all
	mark "$name"
done
# line METHOD PATH MEMBERS: what is shown of it; `is` is for the clock's members
line() { grep -F "\"method\":\"$1\",\"path\":\"$2\"" "$T/log/all" | sed -E 's/"(time|node|instance|ms)":[^,]*,//g'; }
fetch www-pr-42.example.com "$HTTP/list?token=secret" -H 'cookie: id=secret' -X PUT >"$T/out/reply"
fetch www-pr-42.example.com "$HTTP/tasks/7" >"$T/out/reply"
fetch www-pr-42.example.com "$HTTP/gone" >"$T/out/reply"
fetch web.service "$INTERNAL/inside" -H 'x-mayfly: pr-42' >"$T/out/reply"
fetch any "$LOCAL/web/from-here" -H 'x-mayfly: prod' >"$T/out/reply"
printf 'GET /\033[2J\007 HTTP/1.1\r\nhost: www-prod.example.com\r\n\r\n' |
	socat -t 5 - "TCP:127.0.0.1:$HTTP_PORT" >"$T/out/reply"
within 'all that is asked is seen' 10 log_has all '"status":400'
is "$(line PUT /list)" '{"environment":"pr-42","method":"PUT","path":"/list","service":"web","version":"2","status":405,"caller":"127.0.0.1"}' \
	'a request without its query'
is "$(line GET /tasks/7)" '{"environment":"pr-42","method":"GET","path":"/tasks/7","service":"tasks","version":"1","status":200,"caller":"127.0.0.1"}' \
	'one that an instance of the parent answers'
is "$(line GET /gone)" '{"environment":"pr-42","method":"GET","path":"/gone","service":"gone","version":"7","status":503,"caller":"127.0.0.1","error":"no-instance"}' \
	'one that nobody answers'
is "$(line GET /inside)" '{"environment":"pr-42","method":"GET","path":"/inside","service":"web","version":"2","status":200,"caller":"127.0.0.1"}' \
	'a call between services'
is "$(line GET /web/from-here)" '{"environment":"prod","method":"GET","path":"/web/from-here","service":"web","version":"1","status":200,"caller":"127.0.0.1"}' \
	'a call of a process of this host'
unlike "$(cat "$T/log/all" "$T/log/one")" 'secret|[^ -~]' 'no query, no cookie, and nothing that moves a terminal'
within 'the other one has them, too' 10 log_has one /inside
like "$(<"$T/log/one")" '^TIME  .* METHOD  PATH .* SERVICE .* MS  CALLER$' 'people get a table'
like "$(cat "$T/log/one")" "^[0-9:.]+Z +pr-42 +PUT +/list +web:2 +${ADDRESS[pr-web]} +405 +[0-9]+ +127" \
	'  with what is asked of their environment'
unlike "$(cat "$T/log/one")" 'prod|from-here' '  and nothing else'

note 'after a reload'
mark all
serve haproxy.tap=true haproxy.max_old_workers=7
within 'the new process is read' 10 seen all

note 'summed up'
is_refused 66 'environment "pr-4": there is none' top pr-4
start_tool_as top mayfly top --watch -o json
mark top
counted() {
	fetch www-prod.example.com "$HTTP/" >"$T/out/reply"
	fetch www-pr-42.example.com "$HTTP/gone" >"$T/out/reply"
	fetch www-pr-42.example.com "$HTTP/list" -X PUT >"$T/out/reply"
	log_has top '"service":"gone"'
}
within 'each version is counted' 20 counted
stop top
like "$(cat "$T/log/top")" '"interval_ms":[0-9]+,"missed":0,"versions":\[.*"environment":"prod","service":"web","version":"1","requests":[0-9]+,"per_second":[0-9]+,"errors_4xx":0,"errors_5xx":0,"p50_ms":[0-9]+,"p95_ms":[0-9]+' \
	'  with its requests and times'
like "$(cat "$T/log/top")" '"service":"gone","version":"7","requests":([0-9]+),"per_second":[0-9]+,"errors_4xx":0,"errors_5xx":\1,' \
	'  and what failed'
start_tool_as sums mayfly top pr-42 --for 1s
asked() {
	fetch www-prod.example.com "$HTTP/" >"$T/out/reply"
	fetch www-pr-42.example.com "$HTTP/list" -X PUT >"$T/out/reply"
	not is_running sums
}
within 'it ends after the time that was given' 20 asked
wait_exit sums
is "$STATUS" 0 '  in order'
like "$(<"$T/log/sums")" '^ENVIRONMENT  SERVICE  REQUESTS/S  4XX +5XX  P50 MS  P95 MS$' '  with a table'
like "$(<"$T/log/sums")" '^pr-42        web:2    [0-9]+\.[0-9] +100.0%  0%   [0-9]+ +[0-9]+ *$' '  of one environment'

note 'a terminal that is slower than the requests'
stop all
is "$STATUS" 0 'it ends in order'
path=$(printf 'long%.0s' {1..210})
send_signal STOP one
curl -s -o "$T/out/body" -H 'host: www-pr-42.example.com' "$HTTP/gone/$path/[1-2600]"
send_signal CONT one
# HAProxy has no room for so many, or was not asked for them in time.
is_said() {
	fetch www-pr-42.example.com "$HTTP/warm-up" >"$T/out/warm-up"
	log_has one 'are not shown|are missing'
}
within 'it is said that requests are missing' 10 is_said

note 'when nobody reads any more'
stop one
stop one
is_forgotten() { haproxy_cmd 'show table mayfly-tap' | grep -q 'used:0'; }
within 'HAProxy forgets it by itself' 10 is_forgotten
fetch www-prod.example.com "$HTTP/unseen" >"$T/out/reply"
unlike "$(haproxy_cmd 'show events mayfly-requests')" /unseen '  and keeps no more requests'

done_testing
