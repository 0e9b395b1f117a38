#!/bin/bash
# A service is scaled by starting and stopping containers that say SERVICE_NAME=alpha: HAProxy
# balances over those that are there, and no request is lost, neither while they come and go nor by
# another service's scaling to nothing.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/docker.sh
. "$(dirname "$0")/docker.sh"

need etcd etcdctl haproxy dnsmasq curl socat
need_docker

start_docker
make_image web 1.2
make_network net
start_mayfly
write_environment shop alpha=1.2@/ beta=1.2@/beta/
start_tool svcregister docker --network net --ttl 3s

up() { # SERVICE NUMBER
	run_container "$1-$2" web:1.2 --network net --expose 8080 -e "SERVICE_NAME=$1"
}
servers() { # SERVICE: how many HAProxy has
	haproxy_stat | awk -F, -v backend="$1:1.2" \
		'$1 == backend && $2 !~ /BACKEND|FRONTEND/ && $18 !~ /DOWN|MAINT|DRAIN/' | wc -l
}
has() { (($(servers "$1") == $2)); } # SERVICE NUMBER
# A program that stops closes its idle connections, perhaps while HAProxy sends a request on one: a
# client asks again then.
load() {
	start_load --url "$HTTP$1" -H 'Host: www-shop.example.com' --connections 8 --rate 300 --keepalive \
		--retry
}
lost() { grep -vE '^(started$|ok |requests=)' "$T/log/load"; } # each reason, with its number
answered() { sed -n 's/^ok [0-9]* \([a-z]*-[0-9]*\) .*/\1/p' "$T/log/load" | sort -u | wc -l; }

up alpha 1
up beta 1
within 'a container is served' 15 serves www-shop.example.com '^alpha-1 1 '

load /
for i in {2..8}; do
	up alpha "$i"
done
within 'eight are in HAProxy' 20 has alpha 8
all_asked() { (($(haproxy_stat | awk -F, '$1 == "alpha:1.2" && $2 != "BACKEND" && $8 > 0' | wc -l) == 8)); }
within 'and all of them are asked' 20 all_asked
for i in {8..4}; do
	docker stop -t 10 "alpha-$i" >/dev/null
done
within 'five go' 20 has alpha 3
stop_load
is "$(answered)" 8 'all eight had a part of the load'
is "$(lost)" '' "and none of $(load_says requests) requests was lost"

load /beta/
for i in {3..1}; do
	docker stop -t 10 "alpha-$i" >/dev/null
done
within 'scaled to nothing' 20 has alpha 0
within 'it is said' 10 says '503' fetch_status www-shop.example.com "$HTTP/"
docker rm alpha-{1..8} >/dev/null
for i in {1..3}; do
	up alpha "$i"
done
within 'scaled up again it is served' 20 serves www-shop.example.com '^alpha-[1-3] 1 '
within 'by all three' 20 has alpha 3
stop_load
is "$(load_says failed)" 0 "the other service lost none of $(load_says requests) requests"
within 'what is on disk is what runs' 20 all_is_one

done_testing
