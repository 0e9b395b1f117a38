#!/bin/bash
# Services whose instances speak HTTP/2 without an upgrade, as gRPC does, or TLS, which is verified.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat openssl nghttp nghttpd

use_ports
start_mayfly
ports 6
for n in 0 1 2; do
	mkdir "$T/www$n"
	printf 'instance %d\n' "$n" >"$T/www$n/index.html"
	cp "$T/www$n/index.html" "$T/www$n/x"
done
# Who signs, and two that are signed: of the right name, and of another.
make_ca() {
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj "/CN=$1" \
		-keyout "$T/$1.key" -out "$T/$1.pem"
}
sign() { # NAME
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" -keyout "$T/$1.key" -out "$T/$1.csr" &&
		openssl x509 -req -in "$T/$1.csr" -CA "$T/ours.pem" -CAkey "$T/ours.key" -CAcreateserial -days 2 \
			-extfile <(printf 'subjectAltName=DNS:%s\n' "$1") -out "$T/$1.pem"
}
{ make_ca ours && make_ca theirs && sign shop.internal && sign other.internal; } >"$T/log/openssl" 2>&1 || die 'no certificates'
chmod 644 "$T"/*.pem

note 'h2c'
start grpc-0 nghttpd --no-tls --address=127.0.0.1 -d "$T/www0" --trailer 'grpc-status: 0' --echo-upload "${PORTS[0]}"
start grpc-1 nghttpd --no-tls --address=127.0.0.1 -d "$T/www1" "${PORTS[1]}"
etcd_put services/grpc '{"protocol": "h2c", "slow_start": "1s"}'
etcd_put backends/grpc/1/a "127.0.0.1:${PORTS[0]}"
etcd_put backends/grpc/2/a "127.0.0.1:${PORTS[1]}"
write_environment prod grpc=1@/
within 'an answer comes from it' 20 says '^instance 0$' fetch www-prod.example.com "$HTTP/"
h2() { curl -s --http2-prior-knowledge -H "Host: $1" -m 10 "${@:3}" "$HTTP$2"; } # HOST PATH [CURL-OPTION...]
like "$(h2 www-prod.example.com /x -w '%{http_version}\n')" '^2$' 'a client speaks it, too'
like "$(nghttp -nv -d "$T/www0/x" -H':authority: www-prod.example.com' -H':method: POST' -H'te: trailers' "$HTTP/x")" \
	'grpc-status: 0' 'trailers come through, as of gRPC'
reloads=$(haproxy_reloads)
write_environment prod grpc=2@/
within 'another version' 10 says '^instance 1$' fetch www-prod.example.com "$HTTP/"
start grpc-2 nghttpd --no-tls --address=127.0.0.1 -d "$T/www2" "${PORTS[2]}"
etcd_put backends/grpc/2/b "127.0.0.1:${PORTS[2]}"
within '  and another instance of it' 10 says '^instance 2$' fetch www-prod.example.com "$HTTP/"
is "$(haproxy_reloads)" "$reloads" '  without a reload'
run_tool mayfly service list
like "$OUT" '^grpc +h2c ' 'mayfly service list says it'

note 'TLS'
serve_tls() { # NAME CERTIFICATE PORT DIRECTORY
	start "$1" sh -c "cd '$4' && exec openssl s_server -accept 127.0.0.1:$3 -cert '$T/$2.pem' -key '$T/$2.key' -WWW -quiet"
}
serve_tls shop shop.internal "${PORTS[3]}" "$T/www1"
serve_tls other other.internal "${PORTS[4]}" "$T/www2"
tls() { etcd_put services/shop "{\"tls\": $1}"; }
get() { fetch www-shop.example.com "$HTTP/x"; }
tls "{\"ca\": \"$T/ours.pem\", \"name\": \"shop.internal\"}"
etcd_put backends/shop/1/a "127.0.0.1:${PORTS[3]}"
write_environment shop shop=1@/
within 'a certificate that is right' 20 says '^instance 1$' get
tls "{\"ca\": \"$T/theirs.pem\", \"name\": \"shop.internal\"}"
within 'signed by nobody whom we trust' 10 says '^503$' get
tls "{\"ca\": \"$T/ours.pem\"}"
within 'of another name than the service' 10 says '^503$' get
tls "{\"name\": \"shop.internal\"}"
within 'signed by nobody whom the system trusts' 10 says '^503$' get
tls '{"verify": false}'
within 'not verified' 10 says '^instance 1$' get
tls "{\"ca\": \"$T/ours.pem\", \"name\": \"shop.internal\"}"
within 'and right again' 10 says '^instance 1$' get
is_settled() { all_is_one && is_loaded; }
within '  which HAProxy has been loaded with' 20 is_settled
reloads=$(haproxy_reloads)
etcd_put backends/shop/1/b "127.0.0.1:${PORTS[4]}"
etcd_del backends/shop/1/a
within 'another instance, of another name' 10 says '^503$' get
etcd_put backends/shop/1/a "127.0.0.1:${PORTS[3]}"
etcd_del backends/shop/1/b
within '  and the right one' 10 says '^instance 1$' get
is "$(haproxy_reloads)" "$reloads" '  without a reload'
within 'files and HAProxy say the same' 10 all_is_one
done_testing
