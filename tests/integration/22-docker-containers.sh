#!/bin/bash
# A Docker engine's containers are registered when they say so, in registrator's words or ours; what
# happens to them, to the engine and to the registrar is followed; what is not registered is said.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/docker.sh
. "$(dirname "$0")/docker.sh"

need etcd etcdctl curl
need_docker

start_etcd
write_settings
start_docker
make_image web 1.2
make_network front
front=$NETWORK_RANGE
make_network back

listed() { "$MAYFLY_BIN/svcregister" list "$@" | sort; }
lists() { [[ $(listed "$1") == "$2" ]]; } # SERVICE LINES
address_of() { # CONTAINER NETWORK
	docker inspect -f "{{(index .NetworkSettings.Networks \"$2\").IPAddress}}" "$1"
}
port_of() { docker port "$1" "${2:-8080}" | sed -n 's/^127.0.0.1://p'; }
start_registrar() {
	touch "$T/log/docker"
	mark docker
	start_tool_as docker svcregister docker --ip 127.0.0.1 --ttl 3s "$@"
	wait_for 10 log_has docker 'connected to the Docker engine' || die 'the registrar finds no engine'
}

# --- in registrator's words ------------------------------------------------------------------

run_container one web:1.2 --network front -p 127.0.0.1::8080 -e SERVICE_NAME=alpha \
	-e 'SERVICE_TAGS=a,b\,c' -e SERVICE_REGION=eu
start_registrar
within 'one that runs already is registered' 10 lists alpha "alpha 1.2 127.0.0.1:$(port_of one)"
is "$(etcd_keys backends/alpha/)" /mayfly/backends/alpha/1.2/test-one-8080 \
	'under the node, its name and its port, by the version of its image'
like "$(etcd_get backends/alpha/1.2/test-one-8080)" '"tags":\["a","b,c"\].*"region":"eu"' \
	'with tags and attributes'

run_container two web:1.2 --network front -p 127.0.0.1::8080 -l mayfly.service=beta \
	-l mayfly.version=7 -l mayfly.weight=10 -e SERVICE_NAME=alpha
within "our labels win" 5 lists beta "beta 7 127.0.0.1:$(port_of two)"
ok 'over the environment' not lists alpha "$(listed alpha) two"
like "$(etcd_get backends/beta/7/test-two-8080)" '"weight":10' 'with a weight'

docker rename two second
within 'a renamed container has its new name' 5 etcd_has backends/beta/7/test-second-8080
ok 'and not the old one' not etcd_has backends/beta/7/test-two-8080

docker pause second >/dev/null
within 'a paused container is withdrawn' 5 lists beta ''
docker unpause second >/dev/null
within 'and comes back' 5 lists beta "beta 7 127.0.0.1:$(port_of second)"

docker restart -t 5 second >/dev/null
within 'a restarted container has the same key, with its new port' 5 \
	says "\"port\":$(port_of second)" etcd_get backends/beta/7/test-second-8080
docker rm -f second >/dev/null
within 'a destroyed container is gone' 5 lists beta ''

# --- who is not registered, and why ----------------------------------------------------------

run_container mute web:1.2 --network front
within 'one that names no service is named, with the reason' 5 \
	log_has docker 'container=mute .*neither mayfly.service nor SERVICE_NAME'
run_container shut web:1.2 --network front -e SERVICE_NAME=shut
within 'so is one that publishes nothing' 5 log_has docker 'container=shut .*no TCP port is published'
run_container bad web:1.2 --network front -p 127.0.0.1::8080 -e 'SERVICE_NAME=b ad'
within 'one whose name is not allowed' 5 log_has docker 'warn .*container=bad .*not allowed: a space'
run_container hidden web:1.2 --network front -p 127.0.0.1::8080 -e SERVICE_NAME=alpha \
	-e SERVICE_IGNORE=1
within 'one that is to be ignored' 5 log_has docker 'container=hidden .*ignored'
run_container spy web:1.2 --network front -p 127.0.0.1::8080 -e SERVICE_NAME=spy \
	-e "SERVICE_CHECK_SCRIPT=/bin/touch $T/out/spied"
within 'one whose check would run a program here' 5 log_has docker 'container=spy .*trust-checks'
ok 'which did not run' test ! -e "$T/out/spied"
is "$(listed | wc -l)" 1 'and the good one is the only one'
docker rm -f mute shut bad hidden spy >/dev/null

# --- several ports ----------------------------------------------------------------------------

run_container many web:1.2 --network front -p 127.0.0.1::8080 -p 127.0.0.1::9090 \
	-e SERVICE_NAME=many -e SERVICE_9090_NAME=metrics -e SERVICE_9090_VERSION=3
within 'a name of one port is that port'"'"'s' 5 lists metrics "metrics 3 127.0.0.1:$(port_of many 9090)"
ok 'the name of all has the port behind it' lists many-8080 "many-8080 1.2 127.0.0.1:$(port_of many)"
ok 'which is said' log_has docker 'container=many .*2 ports'
docker rm -f many >/dev/null
run_container single web:1.2 --network front -p 127.0.0.1::8080 -p 127.0.0.1::9090 \
	-l mayfly.service=single -l mayfly.port=9090
within 'one port can be chosen' 5 lists single "single 1.2 127.0.0.1:$(port_of single 9090)"
docker rm -f single >/dev/null

# --- in an environment ------------------------------------------------------------------------

run_container trial web:1.2 --network front -p 127.0.0.1::8080 -l mayfly.service=beta \
	-l mayfly.version=8 -l mayfly.env=dev -e SERVICE_ID=test-one-8080
within 'a container is registered' 5 lists beta "beta 8 127.0.0.1:$(port_of trial)"
within 'but takes no environment by itself' 5 \
	log_has docker 'warn .*container=trial .*mayfly.env=dev is ignored: only with --trust-env'
ok 'which is left alone' not etcd_has overrides/dev/beta
ok 'nor may it choose its name' \
	log_has docker 'warn .*container=trial .*SERVICE_ID=test-one-8080 is ignored: only with --trust-id'
ok 'it has one that was made' etcd_has backends/beta/8/test-trial-8080
stop docker
start_registrar --trust-env --trust-id --allow-service 'b*'
within 'where that is allowed, the environment uses it' 5 etcd_has overrides/dev/beta
ok 'where it is' lists beta "beta 8 127.0.0.1:$(port_of trial)"
ok 'under the name that it chose' etcd_has backends/beta/8/test-one-8080
within 'a service that may not be announced here is named, with its container' 5 \
	log_has docker 'warn .*container=one .*service alpha is not among those allowed here: b\*'
ok 'and is not announced' lists alpha ''
docker rm -f trial >/dev/null
within 'for as long as it is there' 5 not etcd_has overrides/dev/beta
stop docker
start_registrar
within 'all is as it was' 5 lists alpha "alpha 1.2 127.0.0.1:$(port_of one)"

# --- HEALTHCHECK ------------------------------------------------------------------------------

run_container sick web:1.2 --network front -p 127.0.0.1::8080 -e SERVICE_NAME=sick \
	--health-cmd 'test -e /tmp/well' --health-interval 1s --health-retries 1
within 'a HEALTHCHECK is waited for' 10 log_has docker 'container is unhealthy container=sick'
ok 'before it is registered' lists sick ''
docker exec sick /bin/sh -c ': >/tmp/well'
within 'healthy, it is registered' 10 lists sick "sick 1.2 127.0.0.1:$(port_of sick)"
docker exec sick /bin/sh -c 'rm /tmp/well'
within 'unhealthy, it is withdrawn' 10 lists sick ''
docker rm -f sick >/dev/null

run_container asked web:1.2 --network front -p 127.0.0.1::8080 -e SERVICE_NAME=asked \
	-e SERVICE_CHECK_HTTP=/health -e SERVICE_CHECK_INTERVAL=200ms
asked="127.0.0.1:$(port_of asked)"
within 'a check of its own is asked' 10 lists asked "asked 1.2 $asked"
curl -s -X POST "http://$asked/health?fail" >/dev/null
within 'which fails' 10 lists asked ''
curl -s -X POST "http://$asked/health?ok" >/dev/null
within 'and passes again' 10 lists asked "asked 1.2 $asked"
docker rm -f asked >/dev/null

# --- the engine comes and goes ---------------------------------------------------------------

run_container lives web:1.2 --network front -p 127.0.0.1::8080 -e SERVICE_NAME=lives
run_container dies web:1.2 --network front -p 127.0.0.1::8080 -e SERVICE_NAME=dies
within 'two more' 5 lists dies "dies 1.2 127.0.0.1:$(port_of dies)"
lives=$(listed lives) dies=$(listed dies)
pid=$(docker inspect -f '{{.State.Pid}}' dies)
mark docker
crash_docker
within 'an engine that is away is named' 5 log_has docker 'warn .*Docker engine is out of reach'
kill -KILL "$pid"
within 'a container ends meanwhile' 5 not is_alive "$pid"
is "$(listed lives)$(listed dies)" "$lives$dies" 'what is registered stays'
start_again dockerd
within 'the engine is back' 30 docker_is_ready
within 'and found' 10 log_has docker 'info .*connected to the Docker engine'
within 'who has ended is gone' 10 lists dies ''
is "$(listed lives)" "$lives" 'who lives has stayed'
ok 'all the time' not log_has docker "withdrawn key=/mayfly/backends/(lives|alpha)"
docker rm -f lives >/dev/null
within 'events come again' 5 lists lives ''

# --- the registrar comes and goes ------------------------------------------------------------

lease() { etcdctl get --write-out=json /mayfly/backends/alpha/1.2/test-one-8080 | sed -n 's/.*"lease":\([0-9]*\).*/\1/p'; }
first=$(lease)
run_container late web:1.2 --network front -p 127.0.0.1::8080 -e SERVICE_NAME=late
within 'one more' 5 lists late "late 1.2 127.0.0.1:$(port_of late)"
stop docker KILL
docker rm -f late >/dev/null
start_registrar
taken() { [[ -n $(lease) && $(lease) != "$first" ]]; }
within 'after a crash the next takes over what is left' 5 taken
within 'and what has ended meanwhile goes by its lease' 10 lists late ''
is "$(listed alpha)" "alpha 1.2 127.0.0.1:$(port_of one)" 'the other stays'
stop docker
start_registrar --leave
within 'one that is to leave all as it is' 5 lists alpha "alpha 1.2 127.0.0.1:$(port_of one)"
stop docker
is "$STATUS" 0 'ends well'
ok 'and does so' lists alpha "alpha 1.2 127.0.0.1:$(port_of one)"
first=$(lease)
start_registrar
within 'the next takes over without a gap' 5 taken
ok 'all the time' not log_has docker withdrawn
stop docker
is "$STATUS" 0 'SIGTERM ends well'
is "$(listed)" '' 'and deregisters all'

# --- their own addresses ---------------------------------------------------------------------

run_container inner web:1.2 --network front --expose 8080 -e SERVICE_NAME=inner
run_container both web:1.2 --network front --expose 8080 -e SERVICE_NAME=both
docker network connect back both
start_registrar --internal
within 'a container has an address of its own' 5 lists inner "inner 1.2 $(address_of inner front):8080"
within 'one of two networks is not guessed' 5 log_has docker 'container=both .*back and front'
stop docker
start_registrar --network back
within 'it is chosen by name' 5 lists both "both 1.2 $(address_of both back):8080"
stop docker
start_registrar --network "$front"
within 'or by its range' 5 lists both "both 1.2 $(address_of both front):8080"
docker network disconnect front both
within 'it is left' 5 lists both ''
docker network connect front both
within 'and entered again' 5 lists both "both 1.2 $(address_of both front):8080"
stop docker

# --- all of them ------------------------------------------------------------------------------

ports 1
docker run -d --name plain --network host --expose "${PORTS[0]}" --entrypoint /app web:1.2 \
	--listen "127.0.0.1:${PORTS[0]}" --service plain --version 1 >/dev/null
start_registrar --all
within 'under the name of its image, at the host'"'"'s address' 5 \
	lists web "web 1.2 127.0.0.1:${PORTS[0]}"

# --- what cannot be ---------------------------------------------------------------------------

DOCKER_HOST=tpc://127.0.0.1:1 run_tool svcregister docker
is "$STATUS" 78 'an engine that cannot be'
like "$ERR" 'tpc://127.0.0.1:1.*neither unix:///PATH nor tcp://HOST:PORT' 'is named'
run_tool svcregister docker --docker-host tpc://127.0.0.1:1
is "$STATUS" 64 'as an option it is a wrong call'
run_tool svcregister docker --network 10.0.0.0/33
is "$STATUS" 64 'a network that cannot be is a wrong call'
start_tool_as away svcregister docker --docker-host "unix://$T/none"
within 'an engine that is not there is waited for' 5 log_has away "$T/none: .*"
stop away
is "$STATUS" 0 'until it is told to stop'
start_tool_as elsewhere svcregister docker --ip 203.0.113.64/28
within 'an address that this node has not is said at once' 5 log_has elsewhere 'no such address now.*203.0.113.64/28'
stop elsewhere

done_testing
