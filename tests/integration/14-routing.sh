#!/bin/bash
# Who answers: every way in which a request names its environment and its service, and what it is
# told where nobody can answer.
. "$(dirname "$0")/lib.sh"

need haproxy curl socat

for name in 'prod-web web 1' 'pr-web web 2' 'prod-tasks tasks 1' 'pr-tasks tasks 2' 'deep deep 1'; do
	# shellcheck disable=SC2086
	start_app $name
done
write_environment prod web=1@/ tasks=1
cat >"$T/environments/pr.yaml" <<'EOF'
name: pr-42
header: PR.42
hosts: [shop.example.com]
services:
  - {name: web, version: 2, route: /}
  - {name: tasks, version: 2, route: [/tasks/, /jobs]}
  - {name: deep, version: 1, route: [/tasks/deep, {path: /stripped, strip: true}]}
  - {name: gone, version: 7, route: /gone}
  - {name: refused, version: 1, route: /refused}
EOF
write_environment small tasks=1@/tasks
ports 1
cat >"$T/backends.yaml" <<EOF
web: {1: ["${ADDRESS[prod-web]}"], 2: ["${ADDRESS[pr-web]}"]}
tasks: {1: ["${ADDRESS[prod-tasks]}"], 2: ["${ADDRESS[pr-tasks]}"]}
deep: {1: ["${ADDRESS[deep]}"]}
refused: {1: ["127.0.0.1:${PORTS[0]}"]}
EOF

# Newer ones say nothing where all is well.
is_taken() {
	local words

	words=$(haproxy -dW -c -f "$T/haproxy/haproxy.cfg" 2>&1) && ! grep -E '\[(WARNING|ALERT)\]' <<<"$words"
}

# render [KEY=YAML...]: settings and files for an HAProxy, which is started or reloaded.
render() {
	write_settings "$@"
	run_tool cfgrender --output-dir "$T/haproxy" --environments "$T/environments" \
		--backends "$T/backends.yaml" || die "cfgrender: $ERR"
	ok 'HAProxy takes it without a warning' is_taken
	if is_running haproxy; then
		# The master does not listen while it takes up the reload before.
		wait_for 10 haproxy_master reload || die 'HAProxy does not take a reload'
		wait_for 10 says "$(sed -n 's/^ *description //p' "$T/haproxy/haproxy.cfg")" \
			haproxy_cmd 'show info' || die 'HAProxy does not reload'
	else
		start_haproxy
	fi
}

# goes NAME REGEX HOST URL [CURL-OPTION...]
goes() {
	local name=$1 regex=$2

	shift 2
	like "$(fetch "$@")" "$regex" "$name"
}

# Newer ones answer 400 to what is no host name.
is_refused() { # NAME HOST URL
	local name=$1

	shift
	[[ $(fetch_status "$@") == 400 ]] || return 1
	unlike "$(fetch "$@" -i)" '^x-mayfly|only GET' "$name: HAProxy itself refuses it"
}

# fails NAME ERROR WORDS HOST URL [CURL-OPTION...]: the 503 page, as HTML and as JSON
fails() {
	local name=$1 error=$2 words=$3 reply

	shift 3
	reply=$(fetch "$@" -i -H 'Accept: text/html;q=0.5, application/json')
	like "$reply" '^503$' "$name: 503"
	like "$reply" "^x-mayfly-error: $error"$'\r'?'$' "$name: $error"
	like "$reply" '^cache-control: no-store' "$name: is not to be kept"
	like "$reply" "^\\{\"status\": 503, \"error\": \"$error\", \"message\": \"[^\"]*${words}[^\"]*\"" \
		"$name: as JSON"
	like "$reply" '^\{("[a-z]*": ("[^"<>\\]*"|503)(, |\}$)){6}' "$name: that is well formed"
	reply=$(fetch "$@" -i)
	like "$reply" '^content-type: text/html' "$name: as a page"
	like "$reply" "<p>[^<]*$words" "$name: which says the same"
}

render routing='{default_environment: prod}'

note 'from outside: by host and path'
goes 'the first label' '^web 1 .* environment prod$' www-prod.example.com "$HTTP/"
goes 'the first label of another' '^web 2 .* environment PR.42$' www-pr-42.example.com "$HTTP/"
goes 'a full host name' '^web 2 ' shop.example.com "$HTTP/"
goes 'in capitals, with port and dot' '^web 2 ' Shop.EXAMPLE.com.:8080 "$HTTP/"
goes 'a route with its slash' '^tasks 2 ' shop.example.com "$HTTP/tasks/"
goes 'and without' '^tasks 2 ' shop.example.com "$HTTP/tasks?x=/"
goes 'a second route' '^tasks 2 ' shop.example.com "$HTTP/jobs/7"
goes 'a route ends where a segment ends' '^web 2 ' shop.example.com "$HTTP/tasksx"
goes 'the longest route wins' '^deep 1 ' shop.example.com "$HTTP/tasks/deep/x"
goes 'but only whole segments of it' '^tasks 2 ' shop.example.com "$HTTP/tasks/deepx"
goes 'a path of 10 kB' '^tasks 2 ' shop.example.com "$HTTP/tasks/$(printf 'a%.0s' {1..10000})"

note 'the same path, written in another way'
for path in //tasks/7 /./tasks /.//./tasks/ /web/../tasks /../../tasks /a/b/.././../tasks/x /%74asks /t%61%53ks/../%74%61sks \
	/a/%2e%2E/tasks /jobs/..//tasks /..a/../tasks /tasks%2F/../tasks /tasks/a%2Fb '/tasks/a;b=c/d' '/tasks/;x' \
	'/tasks?x=/../..//;'; do
	goes "$path" '^tasks 2 ' shop.example.com "$HTTP$path" --path-as-is
done
for path in /tasks/.. /tasks/../ //tasksx /.tasks /..tasks /tasks/../web /t%41sks /x%2Ftasks '/x;y/tasksx' '/x\tasks' /files/a%2Fb \
	"$(printf '/a%.0s' {1..1000})" "/tasks$(printf '/.%.0s' {1..3000})/.."; do
	goes "${path:0:20}" '^web 2 ' shop.example.com "$HTTP$path" --path-as-is
done
for path in '/tasks/..;/x' /a/..%2ftasks /a%2f../tasks /a%5C..%5ctasks '/a\..\tasks' '/a/..\tasks' /a/%2e.%2Ftasks; do
	is "$(fetch_status shop.example.com "$HTTP$path" --path-as-is)" 400 "$path may be anything"
done
for path in /%2Ftasks '/\tasks' /%5ctasks /tasks%2f7 '/tasks;x' '/tasks;x/7' '/;x/tasks' /tasks%3Bx '/.%2ftasks' '/x/..%3b/../tasks;' \
	/tasks/deep%2fx '/tasks/deep;x' '/tasks%5Cdeep'; do
	is "$(fetch_status shop.example.com "$HTTP$path" --path-as-is)" 400 "$path may be another route's"
done
deep="$(printf '/a%.0s' {1..3000})$(printf '/..%.0s' {1..3000})/tasks"
like "$(fetch shop.example.com "$HTTP$deep" --path-as-is)" '^tasks 2 |400 Bad' 'one of 3000 levels dodges no route'
like "$(fetch shop.example.com "$HTTP//tasks//headers?b=//%61" --path-as-is)" '^GET //tasks//headers\?b=//%61 ' \
	'the service gets what the client sent'

note 'the header is ours alone'
for header in 'x-mayfly: prod' 'X-MAYFLY: prod' 'x_mayfly: prod' 'X_Mayfly: prod' 'x.mayfly: prod'; do
	reply=$(fetch shop.example.com "$HTTP/headers" -H "$header")
	like "$reply" '^x-mayfly: PR.42'$'\r''?$' "$header is overwritten"
	unlike "$reply" 'mayfly: prod' 'and does not pass'
done
reply=$(fetch shop.example.com "$HTTP/headers" -H 'x-mayfly-route: forged' -H 'X_Mayfly.user: forged' -H 'x-other: kept')
like "$reply" '^x-other: kept' 'a header of another name passes'
unlike "$reply" forged 'one whose name has mayfly in it does not'
for header in 'x-mayfly' 'keep-alive, X-Mayfly' 'close ,x_mayfly , te'; do
	reply=$(fetch shop.example.com "$HTTP/headers" -H "Connection: $header")
	like "$reply" '^x-mayfly: PR.42' "Connection: $header"
	unlike "$reply" '^connection:.*mayfly' 'does not tell the next hop to drop it'
done
reply=$(fetch shop.example.com "$HTTP/headers" -H 'Connection: "te, x-mayfly, baggage"')
unlike "$reply" '^connection:.*(mayfly|baggage)' 'nor does a quoted list'
reply=$(fetch shop.example.com "$HTTP/headers" -H 'Upgrade: websocket' -H 'Connection: upgrade, x-mayfly')
unlike "$reply" '^connection:.*mayfly' 'nor does what asks for a websocket'


note 'and so is the prefix that was taken off'
for header in x-forwarded-prefix X-Forwarded-Prefix x_forwarded_prefix X-Forwarded_Prefix; do
	unlike "$(fetch shop.example.com "$HTTP/headers" -H "$header: /forged")" forged "$header does not pass"
	unlike "$(fetch shop.example.com "$HTTP/headers" -H "$header: /a" -H 'x: y' -H "$header: /forged")" forged \
		'  in no line'
	reply=$(fetch shop.example.com "$HTTP/stripped/headers" -H "$header: /forged")
	like "$reply" '^x-forwarded-prefix: /stripped'$'\r''?$' '  that of a route with strip is said'
	unlike "$reply" forged '  alone'
done
reply=$(fetch shop.example.com "$HTTP/headers" -H 'x-forwarded-prefixes: kept' -H 'ax-forwarded-prefix: kept')
is "$(grep -c kept <<<"$reply")" 2 'names that are longer pass'
like "$(fetch tasks.service "$INTERNAL/headers" -H 'x-forwarded-prefix: /own')" '^x-forwarded-prefix: /own' \
	'and what a service says of itself'

note 'and so is the member of baggage'
# tells NAME VALUE HOST URL [CURL-OPTION...]: the only baggage that the service sees
tells() {
	local name=$1 value=$2

	shift 2
	is "$(fetch "$@" | tr -d '\r' | grep -i '^baggage')" "baggage: $value" "$name"
}
shop() { tells "$1" "mayfly=PR.42${2:-}" shop.example.com "$HTTP/headers" "${@:3}"; }
shop 'no baggage gets it'
shop 'an empty one too' '' -H 'baggage;'
shop 'of other members it is the first' ',user=7;p=1; q,a.b-c_d = b%2c%20d=e' \
	-H 'baggage: user=7;p=1; q,a.b-c_d = b%2c%20d=e'
shop 'of several lines it gets the last' ',b=2,c=3' -H 'baggage: a=1' -H 'other: x=1' -H 'BAGGAGE: b=2,c=3'
for member in mayfly=prod MayFly=prod 'mayfly = prod' 'mayfly=prod;p=1 ; q' mayfly= mayfly 'mayfly;p' \
	%6Day%46ly=prod +mayfly=prod 'mayfly%20=prod' mayfly=prod,mayfly=prod 'mayfly=prod,, mayfly=prod'; do
	shop "$member goes" '' -H "baggage: $member"
	shop "at the end of others, with them" '' -H "baggage: a=1, b=2, $member"
	shop "between them" '' -H "baggage: a=1,$member,b=2"
	shop "in a line of its own" '' -H 'baggage: a=1' -H "baggage: $member" -H 'baggage: b=2'
done
shop 'so does a name that is like it' '' -H 'baggage: amayfly=1,b=2'
for member in '' a =1 'c d=3' 'c=3 d' 'e="4"' 'f=\1' 'g=é' '%61=1' 'a+b=1' ';p'; do
	shop "and, with the others, what is no member: $member" '' -H "baggage: a=1,$member,b=2"
	shop 'at the end' '' -H "baggage: a=1,$member"
done

note 'no tunnel leads past that'
# upgrades NAME [CURL-OPTION...]: what of them the service sees
upgrades() {
	local name=$1

	shift
	reply=$(fetch shop.example.com "$HTTP/headers" -H 'Connection: Upgrade, HTTP2-Settings' \
		-H 'HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA' \
		-H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==' "$@")
	like "$reply" '^200$' "$name: answered in HTTP/1.1"
	unlike "$reply" '^(http2-settings|connection:.*http2)' 'its settings are not passed on'
}
for header in h2c H2C '"h2c"' HTTP/2.0 TLS/1.2; do
	upgrades "Upgrade: $header" -H "Upgrade: $header"
	unlike "$reply" '^(upgrade|connection:.*upgrade)' 'nor is it'
done
# Newer ones take h2c out of a list themselves, and leave the websocket.
upgrades 'Upgrade: websocket, h2c' -H 'Upgrade: websocket, h2c'
unlike "$reply" '^upgrade:.*(,|h2c)' 'nor is it, in a list'
upgrades 'h2c in a second line' -H 'Upgrade: websocket' -H 'Upgrade: h2c'
unlike "$reply" '^upgrade:.*(,|h2c)' 'nor is it, in a second line'
reply=$(fetch shop.example.com "$HTTP/headers" -H 'Upgrade: websocket' -H 'Connection: keep-alive, Upgrade' \
	-H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==')
like "$reply" '^upgrade: websocket' 'a websocket passes'
like "$reply" '^connection: [Uu]pgrade' 'with its connection option'
like "$reply" '^x-mayfly: PR.42' 'and the environment'
reply=$(fetch shop.example.com "$HTTP/" -X CONNECT --request-target shop.example.com:80)
like "$reply" '^405$' 'CONNECT is refused'
unlike "$reply" 'only GET' 'and no service is asked'

note 'between services: by name and header'
goes 'the header' '^tasks 2 .* environment PR.42$' tasks.service "$INTERNAL/" -H 'x-mayfly: PR.42'
goes 'in any spelling of the name' '^tasks 2 ' TASKS.Service.:80 "$INTERNAL/" -H 'X-MAYFLY: PR.42'
goes 'the name alone' '^tasks 2 ' tasks "$INTERNAL/" -H 'x-mayfly: PR.42'
goes 'baggage' '^tasks 2 .* environment PR.42$' tasks.service "$INTERNAL/" \
	-H 'baggage: a=b;c=d , mayfly = PR.42 ;p=1,z=1'
goes 'baggage in several lines' '^tasks 2 ' tasks.service "$INTERNAL/" -H 'baggage: x=mayfly=prod' \
	-H 'Baggage: q=1,mayfly=PR.42' -H 'baggage: z=1' -H 'other: ,mayfly=prod'
goes 'the header before baggage' '^tasks 1 ' tasks.service "$INTERNAL/" -H 'x-mayfly: prod' \
	-H 'baggage: mayfly=PR.42'
goes 'neither: the default' '^tasks 1 .* environment prod$' tasks.service "$INTERNAL/" \
	-H 'baggage: amayfly=PR.42,a;mayfly=PR.42'
goes 'baggage in capitals' '^tasks 2 ' tasks.service "$INTERNAL/" -H 'BAGGAGE: MAYFLY=PR.42'
goes 'an empty header is none' '^tasks 1 ' tasks.service "$INTERNAL/" -H 'x-mayfly;'
goes 'an empty header, and baggage' '^tasks 2 ' tasks.service "$INTERNAL/" -H 'x-mayfly;' \
	-H 'baggage: mayfly=PR.42'
goes 'an empty second header' '^tasks 2 ' tasks.service "$INTERNAL/" -H 'x-mayfly: PR.42' -H 'x-mayfly;'
goes 'empty ones around it' '^tasks 2 ' tasks.service "$INTERNAL/" -H 'x-mayfly;' -H 'x-mayfly: PR.42' \
	-H 'a: b' -H 'x-mayfly;' -H 'x-mayfly;'
goes 'of two headers the last' '^tasks 2 ' tasks.service "$INTERNAL/" -H 'x-mayfly: prod' \
	-H 'x-mayfly: PR.42'
goes 'of two members the last' '^tasks 2 ' tasks.service "$INTERNAL/" \
	-H 'baggage: mayfly=prod,mayfly=PR.42,mayfly='
goes 'an empty member is none' '^tasks 1 ' tasks.service "$INTERNAL/" -H 'baggage: mayfly=,a=b'
tells 'baggage agrees with the header' 'mayfly=PR.42,a=b' web.service "$INTERNAL/headers" \
	-H 'x-mayfly: PR.42' -H 'baggage: a=b,mayfly=prod'
tells 'and with the default' 'mayfly=prod,a=b' web.service "$INTERNAL/headers" -H 'baggage: a=b,mayfly='
for member in mayfly=prod 'MayFly = prod;p' mayfly=; do
	tells "$member alone is replaced" 'mayfly=PR.42' web.service "$INTERNAL/headers" \
		-H 'x-mayfly: PR.42' -H "baggage: $member"
	tells 'before others' 'mayfly=PR.42,a=b,c' web.service "$INTERNAL/headers" \
		-H 'x-mayfly: PR.42' -H "baggage: $member,a=b,c"
	tells 'twice, behind others' 'mayfly=PR.42,a=b' web.service "$INTERNAL/headers" \
		-H 'x-mayfly: PR.42' -H "baggage: a=b, $member,$member"
done
tells 'names that are like it stay' 'mayfly=PR.42,amayfly=1,mayfly2=2,x=mayfly=3' web.service \
	"$INTERNAL/headers" -H 'x-mayfly: PR.42' -H 'baggage: amayfly=1,mayfly2=2,x=mayfly=3'
tells 'several lines become one' 'mayfly=PR.42, a=1, b=2,c=3' web.service "$INTERNAL/headers" \
	-H 'baggage: a=1' -H 'other: x' -H 'BAGGAGE: b=2,mayfly=PR.42,c=3' -H 'x: y'
tells 'what a service got it may pass on' 'mayfly=PR.42,a=b' web.service "$INTERNAL/headers" \
	-H 'baggage: mayfly=PR.42,a=b'

goes 'the name of service and environment' '^tasks 2 .* environment PR.42$' tasks.pr-42.service "$INTERNAL/"
goes '  which counts more than the header' '^tasks 1 .* environment prod$' Tasks.Prod.service "$INTERNAL/" -H 'x-mayfly: PR.42'
tells '  and is passed on' 'mayfly=PR.42,a=b' web.pr-42.service "$INTERNAL/headers" -H 'baggage: mayfly=prod,a=b'
fails '  has no such service' no-service 'pr-42 has no service named nope' nope.pr-42.service "$INTERNAL/"
fails '  is no environment' no-service 'prod has no service named tasks.nope' tasks.nope.service "$INTERNAL/"
is "$(fetch web.pr-42.service "$INTERNAL/headers" -H 'x-mayfly: prod' | grep -ci '^x-mayfly:')" 1 '  with one header'

note 'from a process of this host: by the first part of the path'
goes 'which is taken off' '^GET /a/headers\?q=/1 ' localhost "$LOCAL/web/a/headers?q=/1" -H 'x-mayfly: PR.42'
goes 'alone' '^tasks 2 ' localhost "$LOCAL/tasks" -H 'x-mayfly: PR.42'
goes 'alone, with a query' '^tasks 1 ' localhost "$LOCAL/tasks?q"
goes 'by baggage' '^tasks 2 ' localhost "$LOCAL/tasks" -H 'baggage: mayfly=PR.42'
tells 'which then says the environment' 'mayfly=PR.42' localhost "$LOCAL/web/headers" -H 'x-mayfly: PR.42'
like "$(fetch localhost "$LOCAL/Web/headers" -H 'x-forwarded-prefix: /else')" '^x-forwarded-prefix: /Web.?$' \
	'the service can tell which part was taken off'
unlike "$(fetch localhost "$LOCAL/web/headers" -H 'x-forwarded-prefix: /else')" /else '  by us alone'

note 'nobody there'
fails 'no such host' no-environment 'host name nobody.example.com' nobody.example.com "$HTTP/"
fails 'no such path' no-service 'small has no service at the path /nope' www-small.example.com "$HTTP/nope"
fails 'no such header' no-environment 'x-mayfly value nope' tasks.service "$INTERNAL/" -H 'x-mayfly: nope'
fails 'no such name in baggage' no-environment 'x-mayfly value nope' tasks.service "$INTERNAL/" \
	-H 'baggage: mayfly=nope'
fails 'no such service' no-service 'prod has no service named nope' nope.service "$INTERNAL/"
fails 'no such service of this host' no-service 'prod has no service named nope' localhost "$LOCAL/nope/x"
fails 'no instance' no-instance 'version 7 of service gone' shop.example.com "$HTTP/gone"
goes 'an instance that refuses' '^x-mayfly-error: no-connection' shop.example.com "$HTTP/refused/" -i
reply=$(fetch shop.example.com "$HTTP/refused/" -i)
like "$reply" '^content-type: text/html' '  with a page'
like "$reply" '<p>No instance .*<dt>environment</dt><dd>pr-42</dd><dt>service</dt><dd>refused</dd><dt>version</dt><dd>1</dd>' \
	'  that names what was wanted'
reply=$(fetch shop.example.com "$HTTP/refused/" -i -H 'Accept: text/html;q=0.5, application/json')
like "$reply" '^content-type: application/json' '  or with JSON'
like "$reply" '^\{"status": 503, "error": "no-connection", .* "environment": "pr-42", "service": "refused", "version": "1"\}$' \
	'  that says the same'
is_refused 'a hostile host' 'a"b\<c%[env(HOME)]>' "$HTTP/" || fails 'a hostile host' no-environment 'host name a\?b\?\?c' 'a"b\<c%[env(HOME)]>' "$HTTP/"
fails 'a hostile path' no-service 'path /nope\?0[dD]' www-small.example.com "$HTTP/nope%0d%0a<x>%22"
fails 'a hostile header' no-environment 'value \?script\?\?\?\?\?env' tasks.service "$INTERNAL/" \
	-H 'x-mayfly: <script>\"%[env(HOME)]'
fails 'a hostile name' no-service 'named \?b\?\?' '<b>"{}.service' "$INTERNAL/"
goes 'a page where HTML is preferred' '^content-type: text/html' nobody "$HTTP/" -i \
	-H 'Accept: text/html, application/json;q=0.9'

note 'one port for both'
render haproxy.internal_bind= haproxy.local_bind=
goes 'a host of an environment' '^web 2 .* environment PR.42$' shop.example.com "$HTTP/" -H 'x-mayfly: prod'
goes 'the name of a service' '^tasks 2 .* environment PR.42$' tasks.service "$HTTP/" -H 'x-mayfly: PR.42'
fails 'no header, and no default' no-environment 'names no environment' tasks.service "$HTTP/"
fails 'no such service' no-service 'pr-42 has no service named nope' nope.service "$HTTP/" -H 'x-mayfly: PR.42'
shop 'baggage from outside' '' -H 'baggage: mayfly=prod, a=b'
shop 'of others' ',a=b' -H 'baggage: a=b'
unlike "$(fetch shop.example.com "$HTTP/headers" -H 'x-forwarded-prefix: /forged')" forged 'a prefix from outside'
like "$(fetch web.service "$HTTP/headers" -H 'x-mayfly: PR.42' -H 'x-forwarded-prefix: /own')" '/own' 'one between services'
tells 'baggage between services' 'mayfly=PR.42,a=b' web.service "$HTTP/headers" -H 'baggage: a=b,mayfly=PR.42'

note 'a suffix with a dot in it'
render 'routing={service_suffix: svc.test, default_environment: prod}'
goes 'is taken off' '^tasks 1 ' tasks.svc.test "$INTERNAL/"
fails 'and nothing that is only like it' no-service 'named tasks.svcxtest' tasks.svcxtest "$INTERNAL/"

note 'a reload'
for keepalive in '' --keepalive; do
	start_load --url "$HTTP/" -H 'Host: shop.example.com' --connections 8 --rate 500 $keepalive
	for i in {1..5}; do
		render haproxy.local_bind= "haproxy.stats_bind=$( ((i % 2)) || printf '"127.0.0.1:%s"' "$STATS_PORT")"
	done
	stop_load
	is "$(load_says failed)" 0 "loses no request of $(load_says requests) ${keepalive:-without keep-alive}"
done

done_testing
