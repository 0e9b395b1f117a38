#!/bin/bash
# mayfly console, when people change things by it: only who logs in as a user of etcd, with that user's
# rights, from the console's own page; and what a plan, a conflict and a wrong password look like.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl curl

ROLES=1
start_etcd
ports 2
OURS=127.0.0.1:${PORTS[0]} FREE=127.0.0.1:${PORTS[1]}
write_settings "console.listen=\"$OURS\"" console.allow_writes=true
etcd_put environments/prod '{"name":"prod","services":[{"name":"web","version":"1","route":"/"}]}'
etcd_put environments/pr-42 '{"name":"pr-42","extends":"prod","expires":"8h","services":[]}'
etcd_put backends/web/1/a 10.0.0.5:80
start_tool_as console mayfly console --config "$T/mayfly.yaml" --user reader:pw-reader
get() { curl -s -m 20 "http://$OURS/api/v1/$1" "${@:2}"; } # PATH [OPTION...]
# post PATH JSON [OPTION...]: the status and the body
post() {
	curl -s -m 40 -o "$T/out/posted" -w '%{http_code} ' -H "Content-Type: ${TYPE:-application/json}" \
		-b "$T/jar" -c "$T/jar" -d "$2" "${@:3}" "http://$OURS/api/v1/$1" && cat "$T/out/posted"
}
run() { post run "$1" -H "X-CSRF-Token: $CSRF"; } # JSON
set_web='{"command":"env set","operands":["pr-42","web=2"]}'

# --- nobody
within 'the console is there' 20 says '"revision"' get status
is "$(get session)" '{"can_write":false,"is_free":false}' 'at first nobody has logged in'
is "$(post run "$set_web")" '401 {"error":"nobody has logged in"}' '  who could change anything'
like "$(post login '{"user":"operator","password":"wrong"}')" '^403 .*(authentication failed|invalid user)' 'a wrong password'
is "$(post login '{"user":"operator","password":"pw-operator"}')" \
	'429 {"error":"a login has just failed: try again in a second"}' '  is not tried again at once'
like "$(post login '{"user":"operator"}')" '^400 ' '  nor none at all'

# --- somebody
logged_in() {
	local answer

	answer=$(post login "{\"user\":\"$1\",\"password\":\"pw-$1\"}")
	CSRF=$(sed -n 's/^200 .*"csrf":"\([0-9a-f]*\)".*/\1/p' <<<"$answer")
	[[ -n $CSRF ]]
}
within 'a user of etcd logs in' 10 logged_in operator
like "$(<"$T/jar")" '^#HttpOnly_127.0.0.1' '  the cookie is not for scripts'
like "$(get session -b "$T/jar")" '"can_write":true,.*"user":"operator"' '  and is known again'
like "$(post run "$set_web")" '^403 .*x-csrf-token' 'a request without the token is refused'
like "$(post run "$set_web" -H "X-CSRF-Token: ${CSRF//[0-9]/0}")" '^403 .*x-csrf-token' '  or with another'
like "$(post run "$set_web" -H "X-CSRF-Token: $CSRF" -H 'Origin: http://evil.example.com')" '^403 .*another page' \
	'  or from another page'
like "$(post run "$set_web" -H "X-CSRF-Token: $CSRF" -H 'Sec-Fetch-Site: cross-site')" '^403 .*another page' \
	'  as the browser says'
like "$(TYPE=text/plain post run "$set_web" -H "X-CSRF-Token: $CSRF")" '^403 .*Content-Type' \
	'  or as a form would send it'
like "$(run '{"command":"config exec","operands":["a","--","sh"]}')" '^400 .*no such command' 'nor may everything be asked for'
like "$(run '{"command":"env set","operands":[7]}')" '^400 .*operands' '  or in any shape'
like "$(run 'nonsense')" '^400 .*not JSON' '  or as no JSON'

# --- changes
like "$(run "${set_web%\}},\"dry_run\":true}")" '^200 .*"pr-42","change":"changed".*"is_dry_run":true' 'a plan'
unlike "$(etcd_get environments/pr-42)" '"version"' '  changes nothing'
like "$(run "$set_web")" '^200 .*"pr-42","change":"changed".*"revision":' 'a change'
like "$(etcd_get environments/pr-42)" '"web","version":"2"' '  is in etcd'
within '  and in the views' 10 says '"web","version":"2"' get environments/pr-42
like "$(get environments/pr-42/history)" '"who":"operator@[^"]*".*mayfly env set pr-42 web=2' \
	'  the history says who, and what'
like "$(run "$set_web")" '^200 .*"unchanged"' '  the same once more changes nothing'
like "$(run '{"command":"env undo","operands":["pr-42"]}')" '^200 ' 'undo'
unlike "$(etcd_get environments/pr-42)" '"version"' '  puts back what it was'
like "$(run '{"command":"route set","operands":["pr-42","web","1=90","2=10"]}')" '^200 ' 'shares'
like "$(etcd_get environments/pr-42)" '"1":90,"2":10' '  are in etcd'
like "$(run '{"command":"env keep","operands":["pr-42"],"for":"2d"}')" '^200 .*kept until' 'keep'
like "$(run '{"command":"env keep","operands":["pr-42"],"for":"long"}')" '^400 .*for' '  but not for any time'
like "$(run '{"command":"instance drain","operands":["web","1","a"]}')" '^200 .*drained' 'drain'
is "$(etcd_get states/web/1/a)" drain '  is in etcd'
like "$(run '{"command":"instance up","operands":["web","1","a"]}')" '^200 ' '  up ends it'
like "$(run '{"command":"env delete","operands":["pr-43"]}')" '^404 .*pr-42' 'a name that is not there: the nearest is offered'
like "$(run '{"command":"env delete","operands":["pr-42"]}')" '^200 .*deleted' 'delete'
within '  and it is gone' 10 says '"error"' get environments/pr-42

# --- rights
within 'somebody else logs in' 10 logged_in reader
like "$(run '{"command":"env delete","operands":["prod"]}')" '^403 .*permission denied: user reader' 'who may only read changes nothing'
like "$(post logout '{}' -H "X-CSRF-Token: $CSRF")" '^200 .*"can_write":false' 'and logs out'
like "$(run '{"command":"env delete","operands":["prod"]}')" '^401 ' '  for good'

# --- etcd in the middle of it
within 'again' 10 logged_in operator
send_signal STOP etcd
run "$set_web" >"$T/out/late" &
within 'while one waits for etcd, others are answered' 10 says '"revision"' get status
stop console
is "$STATUS" 0 '  and the console ends when it is told to'
wait $!
send_signal CONT etcd

# --- where etcd asks nobody
etcdctl auth disable >/dev/null
unset ETCDCTL_USER ROLES
start_tool_as console mayfly console --config "$T/mayfly.yaml"
within 'without users of etcd' 20 says '"is_free":true' get session
like "$(post login '{}')" '^200 .*"user":""' '  and with console.allow_writes, everybody of this host may write'
CSRF=$(get session -b "$T/jar" | sed 's/.*"csrf":"\([0-9a-f]*\)".*/\1/')
like "$(run '{"command":"env delete","operands":["prod"]}')" '^200 .*deleted' '  with a session, all the same'
stop console
write_settings "console.listen=\"$FREE\""
OURS=$FREE
start_tool_as console mayfly console --config "$T/mayfly.yaml"
within '  but without it' 20 says '"is_free":false' get session
like "$(post login '{"user":"operator","password":"pw-operator"}')" '^403 .*allow_writes' '  nobody'

done_testing
