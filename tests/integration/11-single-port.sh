#!/bin/bash
# The original use: one port for browsers and for the services' calls to each other.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq dig curl socat

start_mayfly haproxy.internal_bind=
cp "$TOP"/contrib/examples/environments/*.yaml "$T/environments/"
start_instance backend-1 backend 0.0.1
start_instance backend-2 backend 0.0.2
within 'dnsmasq learns the name of a service' 10 says '^127\.0\.0\.1$' dns backend.service
start_instance frontend-1 frontend 0.0.1 --call "http://backend.service:$HTTP_PORT/" \
	--dns "127.0.0.1:$DNS_PORT"

within 'a browser reaches dev by its host name' 10 serves www-dev.example.com \
	'^frontend 0.0.1 .* environment dev$'
within 'whose frontend reaches the backend of dev' 10 serves www-dev.example.com \
	'^backend 0.0.2 .* environment dev$'
within 'and prod has its own' 10 serves www.example.com '^backend 0.0.1 .* environment prod$'
like "$(fetch backend.service "$HTTP/" -H 'x-mayfly: dev')" '^backend 0.0.2 ' \
	'a call by name, with the header'
is "$(fetch_status backend.service "$HTTP/")" 503 'a call that names no environment is refused'

# A name is no address of this host alone, whatever it resolves to.
note 'on an address that others may reach'
settings_are() {
	write_settings haproxy.internal_bind= haproxy.local_bind= "haproxy.bind=[\"localhost:$HTTP_PORT\"]" "$@"
	send_signal HUP kvwatch
}
backend() { fetch backend.service "http://localhost:$HTTP_PORT/" -H 'x-mayfly: dev'; }
settings_are
within 'internal names are not taken' 15 says 'no-environment' \
	fetch backend.service "http://localhost:$HTTP_PORT/" -H 'x-mayfly: dev' -H 'Accept: application/json'
like "$(fetch www-dev.example.com "http://localhost:$HTTP_PORT/")" '^frontend 0.0.1 .* environment dev$' \
	'  host names of environments are'
cat >"$T/environments/late.yaml" <<'EOF'
name: late
services:
  - {name: frontend, version: 0.0.1, route: /}
EOF
within '  and so is one that comes' 15 says '^frontend 0.0.1 .* environment late$' \
	fetch www-late.example.com "http://localhost:$HTTP_PORT/"
within '  and all is one' 15 files_are_rendered
unlike "$(cat "$T/log/kvwatch")" 'Unknown map' '  without a reload for maps that nobody reads'
settings_are haproxy.single_port=true
within '  until the settings ask for it' 15 says '^backend 0.0.2 ' backend

note 'on the loopback address, behind a proxy'
loopback() { fetch backend.service "http://127.0.0.1:$HTTP_PORT/" -H 'x-mayfly: dev' -H 'Accept: application/json'; }
LOOPBACK="haproxy.bind=[\"127.0.0.1:$HTTP_PORT\"]"
settings_are "$LOOPBACK"
within 'internal names are taken' 15 says '^backend 0.0.2 ' loopback
settings_are "$LOOPBACK" 'haproxy.trusted=[127.0.0.1]'
within '  but not where a proxy is trusted, which others reach' 15 says 'no-environment' loopback
settings_are "$LOOPBACK" 'haproxy.trusted=[127.0.0.1]' haproxy.single_port=true
within '  until the settings ask for it' 15 says '^backend 0.0.2 ' loopback

done_testing
