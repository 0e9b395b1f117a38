#!/bin/bash
# A stack of Docker's swarm mode is an environment: the registrar of each node announces its copies,
# and envwatch beside the leader keeps the environments.  On a swarm of one node.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/docker.sh
. "$(dirname "$0")/docker.sh"

need etcd etcdctl haproxy dnsmasq curl socat
need_docker

start_docker --live-restore=false
make_image app 1
ports 2
PEER=${PORTS[0]} DATA=${PORTS[1]}
# Its networks are in namespaces of their own, but for the one that leads out of them.
begin_swarm() {
	docker swarm init --advertise-addr 127.0.0.1 --listen-addr "127.0.0.1:$PEER" \
		--data-path-port "$DATA" --default-addr-pool 10.88.0.0/16 >"$T/log/swarm" 2>&1
}
use_range
if ! docker network create --subnet "$NETWORK_RANGE" -o com.docker.network.bridge.name=docker_gwbridge \
	-o com.docker.network.bridge.enable_icc=false docker_gwbridge >"$T/log/swarm" 2>&1 || ! begin_swarm; then
	[[ ${REQUIRE_ALL:-0} == 1 ]] || skip_all 'no swarm can be made here'
	die "$(<"$T/log/swarm")"
fi
start_mayfly
start_tool_as docker svcregister docker --stacks --ip 127.0.0.1 --ttl 3s
start_tool_as deployments envwatch --docker --swarm

deploy() { docker stack deploy -c "$T/$1.yaml" "$2" >>"$T/log/stack" 2>&1 || die "stack deploy $2 fails"; }
listed() { "$MAYFLY_BIN/svcregister" list "$@" | awk '{ print $1, $2 }' | sort; }
lists() { [[ $(listed) == "$1" ]]; }
service() { # NAME [MORE]
	printf '  %s:\n    image: app:1\n    entrypoint: [/app, --listen, "0.0.0.0:8080", --service, %s, --version, "1"]\n%s' \
		"$1" "$1" "${2:-}"
}
host_port=$'    ports: [{target: 8080, mode: host}]\n'
{
	printf 'version: "3.7"\nservices:\n'
	service web "$host_port"$'    deploy: {endpoint_mode: dnsrr, labels: {mayfly.route: /}}\n'
	service pricing "$host_port"$'    deploy: {replicas: 2, endpoint_mode: dnsrr}\n'
} >"$T/shop.yaml"
{
	printf 'version: "3.7"\nservices:\n'
	service web $'    ports: [{target: 8080, published: 18080, mode: ingress}]\n'
} >"$T/ingress.yaml"

within 'the only manager is the leader' 15 log_has deployments 'the engine is the leader of its swarm'
deploy shop abc
within 'the copies of a stack are registered' 30 lists $'pricing abc\npricing abc\nweb abc'
within 'and it is an environment' 15 serves www-abc.example.com '^web 1 '
like "$(etcd_get environments/abc)" \
	'"services":\[\{"name":"pricing","version":"abc".*"name":"web","version":"abc","route":\["/"\].*"owner":"swarm","source":"swarm/abc"' \
	'with the route of its label, for the one that leads'
like "$(etcdctl get --prefix /mayfly/backends/pricing/abc/ --print-value-only)" \
	'"deployment":"abc","name":"[12]\.pricing\.abc"' 'each copy has its slot in its name'
docker service scale -d abc_pricing=0 >/dev/null
within 'scaled to nothing' 20 lists 'web abc'
like "$(etcd_get environments/abc)" '"name":"pricing"' 'it is in the environment'
deploy ingress wrong
within 'a port of the ingress is named, with what to write' 10 \
	log_has deployments 'container wrong_web: .*ingress: write .*mode: host'
docker stack rm abc >/dev/null
within 'a stack that is removed is gone' 15 not etcd_has environments/abc

# --- another leader ---------------------------------------------------------------------------

deploy shop xyz
within 'another one' 20 etcd_has environments/xyz
mark deployments
docker swarm leave --force >/dev/null
within 'who leads no more stands by' 15 log_has deployments 'standing by: environments stay'
ok 'and deletes nothing' etcd_has environments/xyz
etcd_del environments/xyz
ok 'another swarm is made' begin_swarm
etcd_put environments/left '{"name":"left","services":[],"origin":{"owner":"swarm","source":"swarm/left"}}'
etcd_put environments/other '{"name":"other","services":[],"origin":{"owner":"swarm","source":"docker/other"}}'
within 'the next leader deletes what no stack has' 15 not etcd_has environments/left
ok 'and what is of no stack stays' etcd_has environments/other
docker swarm leave --force >/dev/null

done_testing
