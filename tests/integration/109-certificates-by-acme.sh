#!/bin/bash
# A certificate is had from a server of ACME, which is pebble, by a client, which is lego, through HAProxy,
# and is in force without a reload; so is the next one.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat openssl
# No distribution has the one: go install github.com/letsencrypt/pebble/v2/cmd/pebble@latest
PATH=$PATH:$(go env GOPATH 2>/dev/null)/bin
for program in pebble lego; do
	command -v "$program" >/dev/null || skip_all "not installed: $program"
done

use_ports
ports 4
TLS_PORT=${PORTS[0]} ACME_PORT=${PORTS[1]} PEBBLE=127.0.0.1:${PORTS[2]}
mkdir -p "$T/certificates/certificates" "$T/pebble"
# Of the server's own, which lego is to trust.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 9 -subj /CN=localhost \
	-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout "$T/pebble/key.pem" -out "$T/pebble/cert.pem" \
	2>"$T/log/openssl" || die 'no certificate for pebble'
cat >"$T/pebble/config.json" <<-EOT
	{"pebble": {"listenAddress": "$PEBBLE", "managementListenAddress": "127.0.0.1:${PORTS[3]}",
	"certificate": "$T/pebble/cert.pem", "privateKey": "$T/pebble/key.pem", "httpPort": $HTTP_PORT, "tlsPort": $TLS_PORT,
	"ocspResponderURL": "", "externalAccountBindingRequired": false}}
EOT
start pebble env PEBBLE_VA_NOSLEEP=1 PEBBLE_WFE_NONCEREJECT=0 pebble -config "$T/pebble/config.json"
wait_for 20 curl -sk "https://$PEBBLE/dir" || die 'pebble does not come up'
start_mayfly haproxy.consolidate_after=1d "haproxy.tls={bind: [\"127.0.0.1:$TLS_PORT\"], certificates: $T/certificates, redirect: true,
    acme: \"http://127.0.0.1:$ACME_PORT\"}"
start_app web frontend 1
etcd_put backends/frontend/1/a "${ADDRESS[web]}"
printf 'name: prod\nhosts: [localhost]\nservices: [{name: frontend, version: 1, route: /}]\n' >"$T/prod"
mv "$T/prod" "$T/environments/prod.yaml"
redirects() { [[ $(fetch_status localhost "$HTTP/") == 308 ]]; }
within 'without TLS all is sent on' 20 redirects
within 'HAProxy runs what is written' 20 is_loaded
reloads=$(haproxy_reloads)
lego_() { # COMMAND...
	LEGO_CA_CERTIFICATES=$T/pebble/cert.pem lego --server "https://$PEBBLE/dir" --accept-tos --email a@example.com \
		--domains localhost --path "$T/certificates" --http --http.port "127.0.0.1:$ACME_PORT" --pem "$@"
} >>"$T/log/lego" 2>&1
ok 'a certificate is had' lego_ run
answers() { curl -sk -m 10 "https://localhost:$TLS_PORT/" | grep -q frontend; }
within '  and in force' 10 answers
serial() { openssl s_client -connect "127.0.0.1:$TLS_PORT" -servername localhost </dev/null 2>/dev/null | openssl x509 -noout -serial; }
first=$(serial)
ok 'the next one is had' lego_ renew --days 99999 --no-random-sleep
is_another() { [[ -n $(serial) && $(serial) != "$first" ]]; }
within '  and in force' 10 is_another
is "$(haproxy_reloads)" "$reloads" '  without a reload'
unlike "$(cat "$T/log/kvwatch")" 'certificate refused' 'and nothing beside it was taken for one'
done_testing
