#!/bin/bash
# What services are told of a client: by us alone, unless it comes through a proxy that is trusted, by
# headers or by the PROXY protocol.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

use_ports
mkdir "$T/templates"
cat >"$T/templates/haproxy.cfg.mustache" <<-EOT
	{{<haproxy.cfg}}
	{{\$backend}}
	http-request set-header x-seen %[src]
	{{/backend}}
	{{/haproxy.cfg}}
EOT
export MAYFLY_TEMPLATES=$T/templates
start_mayfly 'routing.default_environment=prod'
start_app web frontend 1
start_app tasks tasks 1
etcd_put backends/frontend/1/a "${ADDRESS[web]}"
etcd_put backends/tasks/1/a "${ADDRESS[tasks]}"
write_environment prod frontend=1@/ tasks=1
get() { fetch www-prod.example.com "$HTTP/headers" "$@"; } # [CURL-OPTION...]
within 'an answer' 20 says '^x-mayfly: prod' get

note 'nobody is trusted'
for header in x-forwarded-for X-Forwarded-Proto x_forwarded_host x-Forwarded_Port forwarded x-forwarded-ssl; do
	unlike "$(get -H "$header: 192.0.2.9")" 192.0.2.9 "$header does not pass"
	unlike "$(get -H "$header: 192.0.2.9" -H 'accept: application/json' -H "a: b" -H "$header: 192.0.2.9")" 192.0.2.9 '  in no line'
done
is "$(get -H 'x-forwarded-for: 192.0.2.9' | grep -ci '^x-forwarded-for: 127.0.0.1')" 1 'but for our own'
like "$(get -H 'x-forwarded-fort: kept')" kept 'another name passes'
like "$(fetch tasks.service "$INTERNAL/headers" -H 'x-forwarded-for: 192.0.2.9' -H 'x-forwarded-proto: https')" \
	'^x-forwarded-for: 192.0.2.9' 'and what a service says'

note 'a proxy is trusted'
write_settings 'routing.default_environment=prod' 'haproxy.trusted=[127.0.0.2, 10.0.0.0/8, "fd00::/8"]'
send_signal HUP kvwatch
told() { get "$@" | grep -iE '^(x-forwarded|forwarded|x-seen)' | tr -d '\r' | sort | paste -sd' '; }
of_proxy() { told --interface 127.0.0.2 "$@"; }
ours='x-forwarded-host: www-prod.example.com x-forwarded-proto: http'
within 'of somebody else nothing is believed' 20 says \
	"^x-forwarded-for: 127.0.0.1 $ours x-seen: 127.0.0.1$" told -H 'x-forwarded-for: 192.0.2.9' -H 'x-forwarded-proto: https'
is "$(of_proxy)" "x-forwarded-for: 127.0.0.2 $ours x-seen: 127.0.0.2" 'it has requests of its own'
is "$(of_proxy -H 'x-forwarded-for: 192.0.2.9' -H 'x-forwarded-proto: https' -H 'x-forwarded-host: shop')" \
	'x-forwarded-for: 127.0.0.2 x-forwarded-for: 192.0.2.9 x-forwarded-host: shop x-forwarded-proto: https x-seen: 192.0.2.9' \
	'what it says is passed on, with its own address behind it'
seen() { of_proxy "$@" | sed 's/.*x-seen: //'; }
is "$(seen -H 'x-forwarded-for: 192.0.2.66, 192.0.2.9')" 192.0.2.9 'what a client forged before it is not the client'
is "$(seen -H 'x-forwarded-for: 192.0.2.66' -H 'x-forwarded-for: 192.0.2.9, 10.1.1.1')" 192.0.2.9 'a second proxy'
is "$(seen -H 'x-forwarded-for: 192.0.2.9, 10.1.1.1, 10.1.1.2')" 192.0.2.9 '  a third'
is "$(seen -H 'x-forwarded-for: 2001:db8::9')" 2001:db8::9 'an IPv6 address'
for value in unknown 'x, ' '192.0.2.9, unknown' 'unknown, 10.1.1.1' '999.0.0.1'; do
	is "$(fetch_status www-prod.example.com "$HTTP/" --interface 127.0.0.2 -H "x-forwarded-for: $value")" 400 \
		"no address: $value"
done
like "$(curl -s -m 10 --interface 127.0.0.2 -H 'Host: www-prod.example.com' -H 'x-forwarded-for: 192.0.2.9' "$HTTP/headers" \
	-H 'Host: www-prod.example.com' "$HTTP/headers" | tr -d '\r' | grep -c '^x-seen: 192.0.2.9')" 2 'each request of a connection'

note 'the PROXY protocol'
write_settings 'routing.default_environment=prod' 'haproxy.trusted=[127.0.0.2]' haproxy.accept_proxy=true
send_signal HUP kvwatch
# It keeps its side open, as HAProxy 3.4 takes who has closed it for gone.
by_proxy() { # FROM HEADER
	printf '%bGET /headers HTTP/1.1\r\nHost: www-prod.example.com\r\nx-forwarded-for: 192.0.2.66\r\nConnection: close\r\n\r\n' "$2" |
		timeout 10 socat -,ignoreeof "TCP:127.0.0.1:$HTTP_PORT,bind=$1" | tr -d '\r'
}
line='PROXY TCP4 192.0.2.9 127.0.0.1 1 2\r\n'
within 'of a trusted address' 20 says '^x-seen: 192.0.2.9$' by_proxy 127.0.0.2 "$line"
like "$(by_proxy 127.0.0.2 "$line")" '^x-forwarded-for: 192.0.2.9$' '  it is the client'
unlike "$(by_proxy 127.0.0.2 "$line")" '192.0.2.66' '  whose headers are not believed'
like "$(by_proxy 127.0.0.1 "$line")" '^HTTP/1.1 400' 'of nobody else'
like "$(by_proxy 127.0.0.1 '')" '^x-seen: 127.0.0.1$' '  who comes without it'

note 'a browser asks before it calls a service itself, without the header that it is to send'
asks() { # HOST
	fetch "$1" "$INTERNAL/headers" -X OPTIONS -H 'origin: http://localhost:3000' -H 'access-control-request-method: GET' \
		-H 'access-control-request-headers: x-mayfly'
}
write_environment pr frontend=1@/ tasks=1
like "$(asks tasks.service)" '^x-mayfly: prod' 'the default environment answers'
within 'SERVICE.ENVIRONMENT.service another one' 10 says '^x-mayfly: pr.?$' asks tasks.pr.service
done_testing
