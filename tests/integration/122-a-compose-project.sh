#!/bin/bash
# An ordinary compose file, started twice under different names: each project is an environment of
# its own, with no word of Mayfly in the file.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/docker.sh
. "$(dirname "$0")/docker.sh"

need etcd etcdctl docker-compose
need_docker

start_etcd
write_settings
start_docker
make_image app 1

listed() { "$MAYFLY_BIN/svcregister" list "$@" | awk '{ print $1, $2 }' | sort; }
lists() { [[ $(listed) == "$1" ]]; }
compose() { # PROJECT ARGUMENT...
	use_range
	RANGE=$NETWORK_RANGE docker-compose -f "$T/compose.yaml" -p "$@" >>"$T/log/compose" 2>&1
}

cat >"$T/compose.yaml" <<'END'
version: "3.7"
services:
  web:
    image: app:1
    entrypoint: [/app, --listen, "0.0.0.0:8080", --service, web, --version, "1"]
    ports: ["127.0.0.1::8080"]
  pricing:
    image: app:1
    entrypoint: [/app, --listen, "0.0.0.0:8080", --service, pricing, --version, "1"]
    ports: ["127.0.0.1::8080"]
  redis:
    image: app:1
    entrypoint: [/app, --listen, "0.0.0.0:6379", --service, redis, --version, "1"]
    expose: ["6379"]
networks:
  default: {ipam: {config: [{subnet: "$RANGE"}]}}
END

start_tool_as docker svcregister docker --stacks --ip 127.0.0.1 --ttl 3s
compose abc up -d || die 'docker-compose fails'
within 'the services of a project are registered under its name' 20 lists $'pricing abc\nweb abc'
compose xyz up -d --scale pricing=2 || die 'docker-compose fails'
within 'beside those of another' 20 lists $'pricing abc\npricing xyz\npricing xyz\nweb abc\nweb xyz'
values=$(etcdctl get --prefix /mayfly/backends/pricing/xyz/ --print-value-only | sed 's/.*"deployment"/"deployment"/' | sort)
is "$values" $'"deployment":"xyz","name":"1.pricing.xyz"}\n"deployment":"xyz","name":"2.pricing.xyz"}' \
	'each copy has the name of its deployment, and one of its own'
ok 'a service without a published port stays inside its project' \
	log_has docker 'container=abc.redis.1 .*no TCP port is published'
compose abc run -d --rm web || die 'docker-compose run fails'
within 'a container of docker-compose run is none of its copies' 10 \
	log_has docker 'container=abc.web.run.*was started by `docker-compose run`'
compose xyz down || die 'docker-compose down fails'
within 'a project that is taken down is gone' 20 lists $'pricing abc\nweb abc'
compose abc down

done_testing
