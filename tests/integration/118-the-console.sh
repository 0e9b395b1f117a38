#!/bin/bash
# mayfly console, asked by curl: the views of the command as JSON and as tables, events as things
# change, etcd that comes late and goes away, and requests that a browser was tricked into.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl curl

ports 3
OURS=127.0.0.1:${PORTS[0]} ETCD_PORT=${PORTS[1]} PEER_PORT=${PORTS[2]}
ETCD_URLS=("http://127.0.0.1:$ETCD_PORT")
export ETCDCTL_ENDPOINTS=${ETCD_URLS[0]}
write_settings 'console.hosts=["console.example.com"]' "console.listen=\"$OURS\""
C=http://$OURS
get() { curl -s -m 10 "$C$1" "${@:2}"; }                         # PATH [OPTION...]
status() { curl -s -m 10 -o "$T/out/body" -w '%{http_code}' "$C$1" "${@:2}"; } # PATH [OPTION...]

# --- etcd comes late
start_tool_as console mayfly console --config "$T/mayfly.yaml"
within 'it is there before etcd is' 20 says 'etcd is not read yet' get /api/v1/status
is "$(status /api/v1/status)" 503 '  and says that there is nothing yet'
is "$(status /table)" 503 '  also to a browser'
within '  and why' 20 says "\"error\":\"etcd is not read yet: .*:$ETCD_PORT: " get /api/v1/status
start_etcd_member etcd "$ETCD_PORT" "$PEER_PORT" "etcd=http://127.0.0.1:$PEER_PORT"
within 'etcd is read as soon as it is there' 20 says '"revision":' get /api/v1/status

etcd_put environments/prod '{"name":"prod","hosts":["shop.example.com"],"services":[{"name":"web","version":"1","route":"/"}]}'
etcd_put environments/pr-42 '{"name":"pr-42","description":"<img src=x onerror=alert(1)>","extends":"prod","services":[{"name":"web","version":"2"}]}'
etcd_put backends/web/1/a 10.0.0.5:80
etcd_put services/web '{"balance":"leastconn"}'
etcd_put nodes/edge '{"state":"ok"}'
etcd_put 'environments/<b>' '{"name":"x"}'

# --- the views of the command
same() { # PATH COMMAND...
	run_tool mayfly "${@:2}" -o json
	[[ $(get "/api/v1/$1") == "$OUT" ]]
}
within 'the API says what status says' 10 same status status
for view in 'matrix matrix' 'problems check' 'matrix?environment=pr-42&environment=prod matrix pr-42 prod' 'problems/pr-42 check pr-42' 'environments env list' \
	'environments/pr-42 env show pr-42' 'services service list' 'services/web service show web' \
	'instances instance list' 'instances/web instance list web' 'nodes node list' 'names name list' \
	'routes route list' 'routes/prod route list prod' \
	'explain?url=http://shop.example.com/x%3Fa=b&header=X-A:+b explain http://shop.example.com/x?a=b -H X-A:b' \
	'explain?url=http://web.service/&header=x-mayfly:pr-42 explain http://web.service/ -H x-mayfly:pr-42'; do
	# shellcheck disable=SC2086 # words
	ok "  and ${view#* }" same $view
done
is "$(status /api/v1/environments/pr-43)" 404 'an environment that is not there'
like "$(<"$T/out/body")" '^\{"error":"environment \\"pr-43\\": .*did you mean' '  the nearest is offered'
is "$(status /api/v1/none)" 404 'a view that is not there'
is "$(status /api/v1/environments/pr-4%00)" 404 '  or that has a NUL'
is "$(status /api/v1/explain)" 400 'explain of nothing'
is "$(status '/api/v1/explain?url=http://shop.example.com/&method=G%20T')" 400 '  or by a method that is none'

# --- the page, and tables, without JavaScript
for file in / /main.js /page.css /icon.svg; do
	is "$(status "$file")" 200 "the page has $file"
done
for page in /table /table/matrix /table/environments /table/environments/pr-42 /table/problems /table/instances; do
	is "$(status "$page")" 200 "the table of $page"
	unlike "$(<"$T/out/body")" '<img|<b>' '  has no tags from etcd'
done
like "$(get /table/environments/pr-42)" '&lt;img src=x onerror=alert\(1\)&gt;' '  but what they say'
like "$(get /table/matrix)" '<td><a href="/table/environments/%70%72%2d%34%32">pr-42</a></td><td>2\*!</td>' \
	'  and links'
is "$(status /table/environments/pr-43)" 404 '  of what there is'

# --- what a browser was tricked into
is "$(status /api/v1/status -H 'Host: evil.example.com')" 421 'a name that somebody else leads here is refused'
is "$(status / -H 'Host:')" 421 '  as none is'
for host in console.example.com 'console.example.com:8443' localhost:1 '[::1]:9180' 10.0.0.1; do
	is "$(status /api/v1/status -H "Host: $host")" 200 "  but not $host"
done
is "$(status /api/v1/status -d '{}')" 403 'a form of somebody else is refused'
is "$(status /api/v1/status -d '{}' -H 'Content-Type: application/json')" 401 '  and what nobody who has logged in writes'
is "$(status /api/v1/status -X PUT)" 405 '  in any other way, too'
like "$(get / -i)" "^Content-Security-Policy: default-src 'none'" 'a page runs nothing from elsewhere'
is "$(curl -s -m 10 -o "$T/out/a" -o "$T/out/b" -w '%{num_connects} ' "$C/api/v1/status" "$C/api/v1/nodes")" '1 0 ' \
	'connections are kept'

# --- events
start events curl -sN "$C/api/v1/events"
within 'a stream begins with what there is' 10 log_has events '^data: \{"revision":[0-9]+,"is_read":true,"is_lost":false\}$'
etcd_put environments/pr-44 '{"name":"pr-44","extends":"prod","services":[]}'
revision=$(etcd_revision)
within 'a change is an event' 10 log_has events "^data: \\{\"revision\":$revision,.*\"changed\":\[\"pr-44\"\],\"gone\":\[\]\\}\$"
like "$(get /api/v1/environments)" '"pr-44"' '  after which it can be read'
etcd_put backends/web/2/b 10.0.0.6:80
within '  as are the environments that an instance is for' 10 log_has events '"changed":\["pr-42"\],"gone":\[\]\}$'
etcd_del environments/pr-44
within '  and one that goes' 10 log_has events '"changed":\[\],"gone":\["pr-44"\]\}$'
within 'while nothing happens there are comments' 20 log_has events '^:$'
mark events
stop etcd
within 'etcd is gone: an event says so' 30 log_has events '"is_lost":true,"reason":".*127.0.0.1'
is "$(status /api/v1/environments/pr-42)" 200 '  what was read last is shown'
start_again etcd
within '  until it is back' 30 log_has events '"is_lost":false'
stop events

# --- where it listens
start_tool_as second mayfly console --config "$T/mayfly.yaml"
wait_exit second
is "$STATUS" 69 'one address is for one'
start_tool_as second mayfly console --config "$T/mayfly.yaml" --listen "unix:$T/run/console"
within 'it can be a socket of a file' 20 says '"revision"' \
	curl -s -m 5 --unix-socket "$T/run/console" http://localhost/api/v1/status
stop second
is "$STATUS" 0 '  and ends when it is told to'
start_tool_as second mayfly console --config "$T/mayfly.yaml" --listen "unix:$T/run/console"
within '  what it leaves behind is no obstacle' 20 says '"revision"' \
	curl -s -m 5 --unix-socket "$T/run/console" http://localhost/api/v1/status
stop second
ports 1
start_tool_as second mayfly console --config "$T/mayfly.yaml" --listen "*:${PORTS[0]}"
within 'an address for everybody has a warning' 20 log_has second 'whoever can reach this address'
stop second
stop console
is "$STATUS" 0 'it ends at SIGTERM'

done_testing
