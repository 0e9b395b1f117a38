#!/bin/bash
# TLS at HAProxy's outer ports: certificates of a directory, chosen by the name that a client asks for,
# renewed without a reload; what is bad is refused and named, and harms no other.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat openssl

use_ports
ports 2
TLS_PORT=${PORTS[0]} METRICS=127.0.0.1:${PORTS[1]}
D=$T/certificates
mkdir -p "$D/named"

# certificate FILE NAME [OPTION...]: FILE.crt and FILE.key, signed by itself
certificate() {
	local key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256)

	[[ ${3:-} != rsa:* ]] || key=(-newkey "$3")
	openssl req -x509 "${key[@]}" -nodes -days 9 -subj "/CN=$2" \
		-addext "subjectAltName=DNS:$2,DNS:*.$2" -keyout "$1.key" -out "$1.crt"
} >>"$T/log/openssl" 2>&1
# expired FILE NAME: the same, of long ago
expired() {
	certificate "$1" "$2"
	mkdir "$T/ca"
	: >"$T/ca/index"
	printf '%s\n' '[ca]' default_ca=a '[a]' "database=$T/ca/index" "new_certs_dir=$T/ca" default_md=sha256 \
		policy=p rand_serial=yes '[p]' commonName=supplied '[e]' "subjectAltName=DNS:$2" >"$T/ca/conf"
	openssl req -new -key "$1.key" -subj "/CN=$2" -out "$T/ca/csr"
	openssl ca -batch -selfsign -config "$T/ca/conf" -extensions e -keyfile "$1.key" -in "$T/ca/csr" \
		-startdate 20200101000000Z -enddate 20200201000000Z -notext -out "$1.crt"
} >>"$T/log/openssl" 2>&1
# of one file that is there at once
single() { cat "$T/$1.crt" "$T/$1.key" >"$D/.$2" && mv "$D/.$2" "$D/$2"; }
# Another one each time, and a fresh session.
shown() { # NAME [OPTION...]: the certificate that a client sees
	openssl s_client -connect "127.0.0.1:$TLS_PORT" -servername "$1" "${@:2}" </dev/null 2>/dev/null |
		openssl x509 -noout -fingerprint -sha1
}
is_shown() { [[ $(shown "$1" "${@:3}") == "$(openssl x509 -noout -fingerprint -sha1 -in "$2")" ]]; }
tls() { # HOST PATH [CURL-OPTION...]
	curl -sk -m 10 --resolve "$1:$TLS_PORT:127.0.0.1" "${@:3}" "https://$1:$TLS_PORT$2"
}

certificate "$T/shop" shop.example.com
certificate "$D/named/shop" www-prod.example.com
printf 'How to renew these\n' >"$D/README"
single shop shop.pem
: >"$D/empty.pem"
MORE=(haproxy.tls="{bind: [\"127.0.0.1:$TLS_PORT\"], certificates: $D, redirect: true, hsts: 365d}"
	"metrics_bind=\"$METRICS\"" haproxy.consolidate_after=1d)
start_mayfly "${MORE[@]}"
start_app web frontend 1
etcd_put backends/frontend/1/a "${ADDRESS[web]}"
printf 'name: prod\nhosts: [shop.example.com]\nservices: [{name: frontend, version: 1, route: /}]\n' >"$T/prod"
mv "$T/prod" "$T/environments/prod.yaml"

note 'by the name that a client asks for'
answers() { tls "$1" / "${@:2}" | grep -q frontend; }
within 'a single file' 20 answers shop.example.com
ok '  is its certificate' is_shown shop.example.com "$T/shop.crt"
ok 'certificate and key in two files of a directory' is_shown www-prod.example.com "$D/named/shop.crt"
is "$(shown other.org)" '' 'nobody else is shown one'
like "$(tls shop.example.com / -o /dev/null -w '%{http_version}')" '^2$' 'HTTP/2'
like "$(tls shop.example.com /headers)" '^x-forwarded-proto: https' 'the service knows'
like "$(tls shop.example.com / -D - -o /dev/null)" '^strict-transport-security: max-age=31536000' 'hsts'
ok 'an empty file is named' log_has kvwatch 'certificate refused.*empty.pem.*empty'
unlike "$(cat "$T/log/kvwatch")" README 'and nobody else'
is "$(stat -c %a "$T/haproxy/certificates" "$T/haproxy/certificates/shop.pem" | xargs)" '750 640' 'keys are nobody else'"'"'s'

note 'without TLS'
reply=$(curl -s -m 10 -D - -o /dev/null -H "Host: shop.example.com:$HTTP_PORT" "$HTTP/tasks?a=b")
like "$reply" '^HTTP/1.1 308' 'it is sent on'
like "$reply" "^location: https://shop.example.com:$TLS_PORT/tasks\?a=b"$'\r'?'$' '  to the same address'
unlike "$reply" '^strict-transport' '  without hsts'
unlike "$(curl -s -m 10 -D - -o /dev/null -H 'Host: shop.example.com' "$HTTP/.well-known/acme-challenge/x")" \
	'^HTTP/1.1 308' 'but for what certificates are had by'
unlike "$(curl -s -m 10 -D - -o /dev/null -H 'Host: a"b/c' "$HTTP/")" '^location' 'and for what is no name'
refused() { ! tls shop.example.com / -o /dev/null --tls-max 1.1; }
ok 'an old version of TLS is refused' refused

note 'what is told of them'
metrics() { curl -s -m 10 "$METRICS/metrics"; }
ends=$(date -d "$(openssl x509 -noout -enddate -in "$T/shop.crt" | cut -d= -f2)" +%s)
is "$(metrics | sed -n 's/^mayfly_certificate_end_timestamp_seconds{certificate="shop.pem"} //p')" "$ends" 'when each ends'
is "$(metrics | sed -n 's/^mayfly_certificates_refused //p')" 1 'how many are refused'
run_tool mayfly status
like "$OUT" '^Certificates: 3, the next one ends in 8 days' 'mayfly status'
like "$OUT" 'node test: certificate empty.pem: refused: it is empty' '  has what is refused'
like "$OUT" 'node test: certificate shop.pem: ends at 20' '  and what ends soon'
run_tool mayfly check
is "$STATUS" 65 'mayfly check complains, too'

note 'renewed, without a reload'
within 'HAProxy runs what is written' 20 is_loaded
reloads=$(haproxy_reloads)
certificate "$T/shop" shop.example.com
single shop shop.pem
within 'another one of the same name' 10 is_shown shop.example.com "$T/shop.crt"
certificate "$T/rsa" shop.example.com rsa:2048
single rsa shop-rsa.pem
within 'RSA beside it' 10 is_shown shop.example.com "$T/rsa.crt" -tls1_2 -sigalgs RSA+SHA256
ok '  for who knows nothing else' is_shown shop.example.com "$T/shop.crt" -tls1_2 -sigalgs ECDSA+SHA256:RSA+SHA256
certificate "$T/new" new.example.com
single new new.pem
within 'one of a new name' 10 is_shown a.new.example.com "$T/new.crt"
rm "$D/new.pem"
is_gone() { [[ -z $(shown new.example.com) && ! -e $T/haproxy/certificates/new.pem ]]; }
within 'one that goes' 10 is_gone
is "$(haproxy_reloads)" "$reloads" 'all of it without a reload'

note 'what is bad'
bad() { # NAME REGEX
	within "$1" 10 log_has kvwatch "certificate refused, the last good one stays in force certificate=shop.pem.*$2"
	ok '  leaves the last one in force' is_shown shop.example.com "$T/shop.crt"
	mark kvwatch
}
mark kvwatch
head -c 300 "$T/shop.crt" >"$D/shop.pem"
bad 'half a file' PEM
cp "$T/shop.crt" "$D/shop.pem"
bad 'without its key' 'no private key'
expired "$T/old" shop.example.com
single old shop.pem
bad 'an expired one' 'expired at'
certificate "$T/weak" shop.example.com rsa:1024
single weak shop.pem
bad 'a weak one' 'key too small'
openssl pkcs8 -topk8 -passout pass:x -in "$T/shop.key" >"$D/shop.pem" 2>>"$T/log/openssl"
cat "$T/shop.crt" >>"$D/shop.pem"
bad 'a key with a passphrase' passphrase
stop kvwatch
start_tool kvwatch
within 'kvwatch is started again' 10 log_has kvwatch 'certificate refused, the last good one stays'
stop haproxy
start_again haproxy
within '  and HAProxy' 10 is_shown shop.example.com "$T/shop.crt"
mark kvwatch
mv "$D" "$D.away"
within 'the directory goes' 10 log_has kvwatch 'certificates stay as they are'
ok '  and nothing with it' is_shown shop.example.com "$T/shop.crt"
mv "$D.away" "$D"
certificate "$T/shop" shop.example.com
single shop shop.pem
within 'a good one again' 10 is_shown shop.example.com "$T/shop.crt"
ok '  is said' log_has kvwatch 'certificate good again certificate=shop.pem'

note 'a reload'
certificate "$T/shop" shop.example.com
single shop shop.pem
write_settings "${MORE[@]/redirect: true/redirect: false, min_version: 1.3}"
send_signal HUP kvwatch
passes() { curl -s -m 10 -H 'Host: shop.example.com' "$HTTP/" | grep -q frontend; }
within 'without redirect' 20 passes
within '  the newest certificate' 10 is_shown shop.example.com "$T/shop.crt"
refused() { ! tls shop.example.com / -o /dev/null --tls-max 1.2; }
within '  and no TLS 1.2' 10 refused
done_testing
