#!/bin/bash
# Environments and their services change headers of requests and answers, whatever the values are.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

start_mayfly
for version in 1 2; do
	start_app "web-$version" web $version
	etcd_put "backends/web/$version/a" "${ADDRESS[web-$version]}"
done
# env NAME MEMBERS [OF-WEB]
env() {
	etcd_put "environments/$1" "{\"name\":\"$1\",$2\"services\":[{\"name\":\"web\",\"version\":\"1\",\"route\":[\"/\",{\"path\":\"/x\",\"strip\":true}]${3:+,$3}}]}"
}
asks() { fetch "$1" "$HTTP${PATH_ASKED:-/headers}" "${@:2}" | tr -d '\r'; } # HOST [CURL-OPTION...]
answers() { fetch "$1" "$HTTP/" -i "${@:2}" | tr -d '\r'; }

env prod ''
within 'all is there' 10 says '^GET' asks www-prod.example.com
unlike "$(<"$T/haproxy/haproxy.cfg")" 'of_env|uses\.' 'what nobody changes costs nothing'

env prod '"headers":{"request":{"set":{"X-Team":"blue","x-both":"env"},"add":{"x-more":"2"},"remove":["X-Debug"]},"response":{"set":{"x-frame-options":"DENY"},"add":{"x-seen":"by env"},"remove":["content-type"]}},' \
	'"headers":{"request":{"set":{"x-both":"service"}},"response":{"add":{"x-own":"web"}}}'
within 'headers are set' 20 says '^x-team: blue$' asks www-prod.example.com
reply=$(asks www-prod.example.com -H 'x-team: red' -H 'X-Team: forged' -H 'x-more: 1' -H 'x-debug: 1' -H 'x-debugs: kept')
like "$reply" '^x-team: blue$' 'in the place of what came'
unlike "$reply" 'red|forged' '  of all of it'
is "$(grep -c '^x-more: [12]$' <<<"$reply")" 2 'one is added to what came'
unlike "$reply" '^x-debug:' 'one is removed'
like "$reply" '^x-debugs: kept$' '  and no other'
is "$(grep -c '^x-mayfly: prod$' <<<"$reply") $(grep '^baggage' <<<"$reply")" '1 baggage: mayfly=prod' '  and the environment is said once'
like "$reply" '^x-both: service$' 'those of the service come after those of the environment'
reply=$(answers www-prod.example.com)
like "$reply" '^x-frame-options: DENY$' 'of answers, too'
like "$reply" '^x-seen: by env$' '  added'
like "$reply" '^x-own: web$' '  of the service'
unlike "$reply" '^content-type:' '  and removed'
like "$(PATH_ASKED=/x/headers asks www-prod.example.com)" '^x-team: blue$' 'also where a route says more'
like "$(fetch web.service "$INTERNAL/headers" -H 'x-mayfly: prod' | tr -d '\r')" '^x-team: blue$' 'and between services'
like "$(asks www-prod.example.com -H 'Connection: upgrade' -H 'Upgrade: websocket' \
	-H 'Sec-WebSocket-Version: 13' -H 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==')" '^x-team: blue$' 'and of what asks for another protocol'

note 'changes of them'
within 'all is one' 10 all_is_one
before=$(haproxy_reloads)
# shellcheck disable=SC2016 # such is the value
env prod '"headers":{"request":{"set":{"x-team":"%[env(HOME)] %{+Q}o \"q\" '"'"'s'"'"' $x; \\ # é %41+?"}},"response":{"set":{"x-frame-options":"a;b=\"c\""}}},'
# shellcheck disable=SC2016
within 'any text is a value' 10 says "^x-team: %\[env\(HOME\)\] %\{\+Q\}o \"q\" 's' \\\$x; \\\\ # é %41\+\?\$" asks www-prod.example.com
like "$(answers www-prod.example.com)" '^x-frame-options: a;b="c"$' '  also of an answer'
unlike "$(asks www-prod.example.com -H 'x-debug: 1')" '^x-both' '  and the others are over'
like "$(asks www-prod.example.com -H 'x-debug: 1')" '^x-debug: 1$' '  each of them'
etcd_put environments/pr '{"name":"pr","extends":"prod","services":[{"name":"web","version":"2"}]}'
within 'who extends it has them' 10 says '^web 2 ' fetch www-pr.example.com "$HTTP/"
like "$(asks www-pr.example.com)" '^x-team: %' '  as they are'
env prod '"headers":{"request":{"set":{"x-team":"green"}}},'
within '  also when they change' 10 says '^x-team: green$' asks www-pr.example.com
etcd_put environments/pr '{"name":"pr","extends":"prod","headers":{"request":{"set":{"x-team":"own"}}},"services":[{"name":"web","version":"2"}]}'
within '  unless it says its own' 10 says '^x-team: own$' asks www-pr.example.com
etcd_put environments/pr '{"name":"pr","extends":"prod","headers":null,"services":[{"name":"web","version":"2"}]}'
within '  or none' 10 not says '^x-team:' asks www-pr.example.com
within 'all is one' 10 all_is_one
is "$(haproxy_reloads)" "$before" 'takes no reload'

note 'what nobody may change'
for header in Connection content-length HOST x-mayfly X-Mayfly-Route baggage x-forwarded-for 'x_team' 'a b' 'a: b' te; do
	cat >"$T/bad.yaml" <<-END
		name: bad
		headers: {request: {set: {"$header": x}}}
		services: []
	END
	run_tool envwatch --check "$T/bad.yaml"
	is "$STATUS" 65 "$header is refused"
	like "$ERR" "headers: request: set: .*(may change|not allowed).*line 2, column" '  and why, and where'
done

done_testing
