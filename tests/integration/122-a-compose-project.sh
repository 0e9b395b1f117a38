#!/bin/bash
# An ordinary compose file, started twice under different names: each project is an environment of
# its own, with no word of Mayfly in the file.  A file of two services with one label is an
# environment that takes all else from another.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/docker.sh
. "$(dirname "$0")/docker.sh"

need etcd etcdctl haproxy dnsmasq curl socat docker-compose
need_docker

start_docker
make_image app 1
start_mayfly

listed() { "$MAYFLY_BIN/svcregister" list "$@" | awk '{ print $1, $2 }' | sort; }
lists() { [[ $(listed) == "$1" ]]; }
compose() { # FILE PROJECT ARGUMENT...
	use_range
	RANGE=$NETWORK_RANGE NAME=$2 docker-compose -f "$T/$1.yaml" -p "${@:2}" >>"$T/log/compose" 2>&1 ||
		die "docker-compose ${*:2} fails"
}
# What an environment has: its services, and whom it extends.
services_of() {
	etcd_get "environments/$1" | grep -oE '"(services":.*\}\]|extends":\[[^]]*\])' | sed 's/,"route":\[\]//g'
}
answers() { serves "www-$1.example.com" "^$2 "; } # ENVIRONMENT REGEX
start_deployments() {
	touch "$T/log/deployments"
	mark deployments
	start_tool_as deployments envwatch --docker
	wait_for 10 log_has deployments 'etcd is equal' || die 'envwatch --docker does nothing'
}

service() { # NAME PORT [LINE]
	printf '  %s:\n    image: app:1\n    ports: ["127.0.0.1::8080"]\n' "$1"
	printf '    entrypoint: [/app, --listen, "0.0.0.0:8080", --service, %s, --version, "$NAME"]\n' "$1"
	[[ -z ${2:-} ]] || printf '    labels: {%s}\n' "$2"
}
write_compose() { # FILE: the services are on stdin
	{
		printf 'version: "3.7"\nservices:\n'
		cat
		printf 'networks:\n  default: {ipam: {config: [{subnet: "$RANGE"}]}}\n'
	} >"$T/$1.yaml"
}
{
	service web
	service pricing
	service redis | sed '/ports:/d'
} | write_compose shop
{
	service pricing 'mayfly.extends: prod'
	service search 'mayfly.route: "/search/, /find/"'
} | write_compose branch

# --- two of one file --------------------------------------------------------------------------

start_tool_as docker svcregister docker --stacks --ip 127.0.0.1 --ttl 3s
start_deployments
compose shop abc up -d
within 'the services of a project are registered under its name' 20 lists $'pricing abc\nweb abc'
within 'and the project is an environment' 20 answers abc 'web abc'
is "$(services_of abc)" \
	'"services":[{"name":"pricing","version":"abc"},{"name":"web","version":"abc","route":["/"]}]' \
	'of the services that are reached from outside'
ok 'which service has the first page is said' \
	log_has deployments 'no container has the label mayfly.route.* environment=abc service=web'
compose shop xyz up -d --scale pricing=2
within 'a second one of the same file is another' 20 answers xyz 'web xyz'
ok 'beside the first' answers abc 'web abc'
within 'with more copies' 20 lists $'pricing abc\npricing xyz\npricing xyz\nweb abc\nweb xyz'
values=$(etcdctl get --prefix /mayfly/backends/pricing/xyz/ --print-value-only |
	sed 's/.*"deployment"/"deployment"/' | sort)
is "$values" $'"deployment":"xyz","name":"1.pricing.xyz"}\n"deployment":"xyz","name":"2.pricing.xyz"}' \
	'each of which has the name of its deployment, and one of its own'
ok 'a service without a published port stays inside its project' \
	log_has docker 'container=abc.redis.1 .*no TCP port is published'

# --- a branch ---------------------------------------------------------------------------------

write_environment prod web=xyz@/ pricing=xyz
compose branch pr-1 up -d
within 'two services and a parent are an environment' 20 answers pr-1 'web xyz'
ok 'with the branch where it differs' says '^search pr-1 ' fetch www-pr-1.example.com "$HTTP/find/x"
is "$(services_of pr-1)" \
	$'"extends":["prod"]\n"services":[{"name":"pricing","version":"pr-1"},{"name":"search","version":"pr-1","route":["/find/","/search/"]}]' \
	'and says only that'
run_in() { # PROJECT [DOCKER-OPTION...]: what docker-compose would start in it
	run_container "$1-web-1" app:1 -p 127.0.0.1::8080 --network abc_default \
		-l "com.docker.compose.project=$1" -l com.docker.compose.service=web "${@:2}"
}
run_in wrong -l mayfly.route=nonsense
within 'a label that means nothing is named, with its deployment' 10 \
	log_has deployments 'deployment wrong.*service web: route "nonsense"'
ok 'and is no environment' not etcd_has environments/wrong
run_in my_shop
within 'so is a name that no environment can have' 10 log_has deployments 'deployment my_shop.*"_"'

# --- what goes and what stays -----------------------------------------------------------------

web=$(docker ps -q -f label=com.docker.compose.project=abc -f label=com.docker.compose.service=web)
docker stop "$web" >/dev/null
within 'a service that is stopped answers nobody' 20 says '^503$' fetch_status www-abc.example.com "$HTTP/"
like "$(services_of abc)" '"name":"web"' 'but is in its environment'
docker start "$web" >/dev/null
within 'until it is started again' 20 answers abc 'web abc'
mark deployments
crash_docker
within 'an engine that is away is named' 10 log_has deployments 'Docker engine is out of reach: environments stay'
start_again dockerd
within 'it comes back' 30 docker_is_ready
within 'and is found' 20 log_has deployments 'connected to the Docker engine'
compose shop xyz down
within 'a project that is taken down is gone' 20 not etcd_has environments/xyz
ok 'the others have stayed' answers abc 'web abc'
ok 'all the time' not log_has deployments 'environment deleted environment=(abc|pr-1)'
etcd_del environments/abc
within 'what somebody deletes comes back' 10 answers abc 'web abc'
stop deployments
docker ps -q -f label=com.docker.compose.project=pr-1 | xargs docker rm -f >/dev/null
ok 'nobody looks' etcd_has environments/pr-1
run_tool envwatch --docker --once
is "$STATUS" 65 'one pass names what is wrong'
ok 'and deletes what has gone meanwhile' not etcd_has environments/pr-1
ok 'and what is there stays' etcd_has environments/abc
run_tool envwatch --docker --once --timeout 500ms "unix://$T/none"
is "$STATUS" 69 'an engine that is not there'
like "$ERR" "$T/none" 'is named'
run_tool envwatch --docker --check
is "$STATUS" 64 'files are not checked against an engine'

done_testing
