#!/bin/bash
# Routes that say more than a prefix: whole paths, paths taken off or rewritten, redirects, time
# limits.  They come and go with their environment, by maps alone.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

use_ports
start_mayfly
for name in 'web web 1' 'tasks tasks 1' 'tasks-2 tasks 2'; do
	# shellcheck disable=SC2086
	start_app $name
done
for choice in web=web/1 tasks=tasks/1 tasks-2=tasks/2; do
	etcd_put "backends/${choice#*=}/i" "${ADDRESS[${choice%=*}]}"
done

# environment ROUTES-OF-TASKS [LINE...]: prod has web at / and tasks at these
environment() {
	local routes=$1

	shift
	{
		printf 'name: prod\nservices:\n- {name: web, version: 1, route: /}\n'
		printf -- '- {name: tasks, version: 1, route: %s}\n' "$routes"
		(($# == 0)) || printf '%s\n' "$@"
	} >"$T/environments/.prod"
	mv "$T/environments/.prod" "$T/environments/prod.yaml"
}
get() { fetch "${ENVIRONMENT:-www-prod}.example.com" "$HTTP$1" --path-as-is "${@:2}"; } # PATH [CURL-OPTION...]
goes() { like "$(get "$2")" "$3" "$1"; }                                               # NAME PATH REGEX
asks() { like "$(get "$2")" "^GET $3 HTTP/1.1"$'\r?'"\$" "$1"; }                       # NAME PATH PATH-THAT-ARRIVES
leads() {                                                                              # NAME PATH STATUS LOCATION [CURL-OPTION...]
	local reply

	reply=$(get "$2" -i "${@:5}")
	like "$reply" "^$3\$" "$1: $3"
	like "$reply" "^location: $4"$'\r?$' "  to $4"
}

environment '[/tasks, {path: /tasks/one, exact: true}]'
within 'all is there' 20 says '^tasks 1 ' get /tasks/
reloads=$(haproxy_reloads)

note 'a whole path'
environment '[{path: /tasks, exact: true}, {path: /slash/, exact: true}]'
within 'is matched' 10 says '^web 1 ' get /tasks/x
goes 'as it is' /tasks '^tasks 1 '
goes 'with a query' '/tasks?x=/' '^tasks 1 '
goes 'in another spelling' /a/../t%61sks '^tasks 1 '
goes 'with a slash it is another' /tasks/ '^web 1 '
goes 'and so is one that begins like it' /tasks2 '^web 1 '
goes 'one with a slash' /slash/ '^tasks 1 '
goes 'is not the one without' /slash '^web 1 '
environment '[{path: /, exact: true}]'
within 'the root alone' 10 says '^tasks 1 ' get /
goes 'and nothing below it' /x '^web 1 '
environment '[{path: /a, exact: true}, /a/b]' '- {name: tasks-2, version: 1, route: {path: /a/b, exact: true}}' \
	'- {name: gone, route: /a}'
within 'it counts before a prefix' 10 says 'service tasks-2' get /a/b
goes 'which has all else' /a/b/c '^tasks 1 '
goes 'and the other way' /a '^tasks 1 '

note 'the path that the service gets'
environment '[{path: /tasks, strip: true}, {path: /old, rewrite: /v1/new/}, {path: /root, rewrite: /}, {path: /is, exact: true, strip: true}]'
within 'strip takes the prefix off' 10 says '^GET /headers HTTP' get /tasks/headers
reply=$(get '/tasks/headers?a=/tasks/&b=//' -H 'x-forwarded-prefix: /forged')
like "$reply" '^GET /headers\?a=/tasks/&b=// ' '  and leaves the query'
like "$reply" '^x-forwarded-prefix: /tasks'$'\r?$' '  it is said in x-forwarded-prefix'
unlike "$reply" forged '  by nobody else'
asks 'once only' /tasks/tasks/headers /tasks/headers
asks 'in another spelling' /x/..//t%61sks//headers /headers
goes 'of nothing the root is left' /tasks '^tasks 1 '
asks 'rewrite' /old/headers /v1/new/headers
unlike "$reply" '^GET /old' '  and nothing of the old one'
unlike "$(get /old/headers)" '^x-forwarded-prefix' '  it says no prefix'
asks 'rewrite by the root' /root/x/headers /x/headers
goes 'a whole path' /is '^tasks 1 '
goes 'other routes keep theirs' /web/headers '^GET /web/headers '
cat >"$T/environments/.prod" <<'YAML'
name: prod
services: [{name: web, version: 1, route: {path: /, rewrite: /base}}]
YAML
mv "$T/environments/.prod" "$T/environments/prod.yaml"
within 'what is for all paths is put before them' 10 says '^GET /base/x/headers' get /x/headers

note 'redirects'
environment '[{path: /a, redirect: https}, {path: /b, redirect: {host: shop.example.com, prefix: /new, status: 308}},
  {path: /c, redirect: {prefix: /tasks, status: 301}}, {path: /d, exact: true, redirect: {scheme: http, host: x.example.com, prefix: /, status: 303}},
  {path: /e, redirect: {host: y.example.com, status: 307}}, {path: /f, redirect: {prefix: /}}]'
within 'to another scheme' 10 says '^302$' get /a/x
leads '  with host and path' '/a/x?b=1&c=/' 302 'https://www-prod.example.com/a/x\?b=1&c=/' -H 'Host: www-prod.example.com:8080'
leads 'to another host and prefix' '/b/x?y' 308 '//shop.example.com/new/x\?y'
leads 'to another prefix' /c/x/y 301 /tasks/x/y
leads 'of a whole path' /d 303 http://x.example.com/
leads 'to another host' '/e//x' 307 '//y.example.com/e//x'
goes 'beside them' /dd '^web 1 '
leads '  or to what is below a prefix' /f/x 302 /x
refuses() { is "$(fetch_status "$2" "$HTTP$3" --path-as-is)" 400 "$1"; } # NAME HOST PATH
refuses 'what a browser takes for another host' www-prod.example.com '/f/\x.example.com'
refuses '  or is no name of one' 'www-prod.x?y' /a/x
refuses '  in any part' 'www-prod.example.com\x' /a/x

note 'methods'
cat >"$T/environments/.prod" <<'YAML'
name: prod
services:
- {name: web, version: 1, route: {path: /, methods: [GET, PATCH]}}
- {name: tasks, version: 1, route: [{path: /tasks, methods: POST, strip: true}, {path: /tasks/all}, {path: /only, exact: true, methods: [POST, DELETE]}]}
- {name: tasks-2, version: 2, route: [{path: /tasks, methods: [GET]}, {path: /tasks/all, methods: [POST]}]}
YAML
etcd_put backends/tasks-2/2/i "${ADDRESS[tasks-2]}"
mv "$T/environments/.prod" "$T/environments/prod.yaml"
within 'each has its service' 10 says '^tasks 2 ' get /tasks/x
by() { like "$(get "$2" -X "$1" "${@:4}")" "$3" "$1 $2"; } # METHOD PATH REGEX [CURL-OPTION...]
service_refuses='^only GET, HEAD, POST and OPTIONS$'                 # what the program behind it says
by POST /tasks/x '^tasks 1 '
like "$(get /tasks/headers -X POST)" '^POST /headers ' '  with its options'
by PATCH /tasks/x "$service_refuses"
by PATCH / "$service_refuses"
by POST /tasks/all/x '^tasks 2 '
by GET /tasks/all '^tasks 1 '
by DELETE /tasks/all/x "$service_refuses"
by POST /only '^tasks 1 '
by GET /only '^web 1 '
reply=$(get /tasks/x -i -X DELETE -H 'Accept: application/json')
like "$reply" '^405$' 'one that nobody takes is answered 405'
like "$reply" '^allow: GET,POST,PATCH'$'\r?$' '  which says who may'
like "$reply" '^\{"status": 405, "error": "not-allowed", .*"environment": "prod"\}$' '  in JSON'
like "$(get /only -i -X PUT)" '^allow: GET,POST,DELETE,PATCH'$'\r?$' 'of a whole path, too'
like "$(get /x -X FOO)" '^<!DOCTYPE html>.*405' '  and in a page'
run_tool mayfly explain http://www-prod.example.com/tasks/x -X POST
like "$OUT" '^Route: +/tasks/ \(strip\)$' 'mayfly explain says it'
like "$OUT" ', revision [1-9][0-9]*$' '  of which revision of the environment'
run_tool mayfly explain http://www-prod.example.com/tasks/x -X DELETE
like "$OUT" 'only GET,POST,PATCH is allowed there: it is answered 405' '  and what is not'
like "$(get /tasks/x -X delete)" '^405$' 'in lower case it is the same one'
run_tool mayfly explain http://www-prod.example.com/tasks/x -X delete
like "$OUT" 'only GET,POST,PATCH is allowed there: it is answered 405' '  for mayfly explain, too'
run_tool mayfly explain http://www-prod.example.com/tasks/x -X post
like "$OUT" '^Route: +/tasks/ \(strip\)$' '  which finds its route'
run_tool mayfly route list prod
like "$OUT" '^prod +/only +tasks +1 +1 +exact, POST,DELETE$' 'and mayfly route list'
printf '%s\n' 'name: pr-1' 'extends: prod' 'services: [{name: tasks, version: 2}]' >"$T/environments/pr-1.yaml"
within 'an environment with another version has them, too' 10 says '^tasks 2 ' fetch www-pr-1.example.com "$HTTP/tasks/x" -X POST
like "$(fetch www-pr-1.example.com "$HTTP/x" -X DELETE)" '^405$' '  and what is not allowed'
cat >"$T/environments/.pr-1" <<'YAML'
name: pr-1
extends: prod
services:
- {name: mine, version: 1, route: [{path: /tasks, methods: [GET, DELETE]}, {path: /only, exact: true}]}
YAML
etcd_put backends/mine/1/i "${ADDRESS[tasks-2]}"
mv "$T/environments/.pr-1" "$T/environments/pr-1.yaml"
within 'its own route comes first for its methods' 10 says "$service_refuses" fetch www-pr-1.example.com "$HTTP/tasks/x" -X DELETE
like "$(fetch www-pr-1.example.com "$HTTP/tasks/headers")" '^GET /tasks/headers ' '  also one that the parent has'
like "$(fetch www-pr-1.example.com "$HTTP/tasks/headers" -X POST)" '^POST /headers ' '  and leaves the others'
like "$(fetch www-pr-1.example.com "$HTTP/only" -X POST)" '^tasks 2 .* environment pr-1' 'one for all methods takes them all'
rm "$T/environments/pr-1.yaml"
environment '[{path: /b, redirect: {host: shop.example.com, prefix: /new, status: 308}},
  {path: /d, exact: true, redirect: {scheme: http, host: x.example.com, prefix: /, status: 303}}]'
within 'and they go' 10 says "$service_refuses" get / -X DELETE

note 'and it is said'
run_tool mayfly route list prod
like "$OUT" '^prod +/d +tasks +1 +1 +exact, redirect 303 to http://x.example.com/$' 'by mayfly route list'
run_tool mayfly explain http://www-prod.example.com/b/x
like "$OUT" '^Route: +/b/ \(redirect 308 to shop.example.com/new\)$' 'by mayfly explain'
like "$OUT" '^Answer: +by HAProxy itself: redirect 308 to shop.example.com/new$' '  which knows who answers'
run_tool mayfly explain http://www-prod.example.com/d/
like "$OUT" '^Route: +/$' '  and what is no whole path'
run_tool mayfly env show prod -o json
like "$OUT" '"/b/ \(redirect 308 to shop.example.com/new\)"' 'by mayfly env show'


note 'a redirect that leads to itself'
environment '[{path: /round, redirect: {prefix: /round/on}}, {path: /out, redirect: {prefix: /tasks}}, /tasks]'
within 'goes round' 10 says '^302$' get /round
run_tool mayfly explain http://www-prod.example.com/round/x
is "$STATUS" 65 '  explain has no answer for it'
like "$OUT" '^Answer: +none: the redirect leads to itself, in a circle$' '  and says so'
run_tool mayfly explain http://www-prod.example.com/out/x
is "$STATUS" 0 '  of one that leads to a service it has'
run_tool mayfly check prod
is "$STATUS" 65 '  check finds it'
like "$OUT" 'service tasks: route /round/ \(redirect 302 to /round/on\): leads to itself, in a circle$' '  in the right route'
unlike "$OUT" '/out/' '  and in no other'

note 'a time limit'
start_app slow tasks slow --delay 3000
etcd_put backends/tasks/slow/i "${ADDRESS[slow]}"
cat >"$T/environments/.prod" <<'YAML'
name: prod
services:
- {name: web, version: 1, route: /}
- {name: tasks, version: slow, route: [{path: /quick, timeout: 200ms}, /slow]}
YAML
mv "$T/environments/.prod" "$T/environments/prod.yaml"
within 'that is over' 10 says '^504$' get /quick
like "$(get /quick -i)" '^content-type: text/html' '  is said in a page'
reply=$(get /quick -i -H 'Accept: application/json')
like "$reply" '^\{"status": 504, "error": "too-slow", .* "environment": "prod", "service": "tasks", "version": "slow"\}$' \
	'  and in JSON'
like "$reply" '^content-type: application/json' '  as such'
goes 'a route without one waits' /slow '^tasks slow '

note 'an environment that differs in versions has the rules of its base'
environment '[{path: /tasks, strip: true}, {path: /a, redirect: https}]'
printf '%s\n' 'name: pr-1' 'extends: prod' 'services: [{name: tasks, version: 2}]' >"$T/environments/pr-1.yaml"
ENVIRONMENT=www-pr-1
within 'with its own version' 10 says '^tasks 2 .* environment pr-1' get /tasks/x
asks '  of the path that is left' /tasks/headers /headers
leads '  and its redirects' /a/b 302 'https://www-pr-1.example.com/a/b'
unset ENVIRONMENT

is "$(haproxy_reloads)" "$reloads" 'all of this without a reload'

note 'how long an answer may take'
etcd_put services/tasks '{"server_timeout":"7s"}'
run_tool mayfly explain http://www-prod.example.com/tasks/x -X POST
like "$OUT" '^Timeout: +7000 ms for an answer$' 'is said of the service'
within 'files and HAProxy say the same' 10 all_is_one
done_testing
