#!/bin/bash
# mayfly up starts a compose file under a name, waits until its environment answers and prints the
# URLs; what would go wrong later is refused first; mayfly down takes it down again.
. "$(dirname "$0")/lib.sh"
# shellcheck source=tests/integration/docker.sh
. "$(dirname "$0")/docker.sh"

need etcd etcdctl haproxy dnsmasq curl socat docker-compose
need_docker

start_docker
make_image app 1
start_mayfly
start_tool_as docker svcregister docker --stacks --internal --ttl 3s
start_tool_as deployments envwatch --docker --internal

mayfly() { # ARGUMENT...
	use_range
	RANGE=$NETWORK_RANGE run_tool mayfly "$@"
}
app() { printf '    image: app:1\n    entrypoint: [/app, --listen, "0.0.0.0:8080", --service, %s, --version, "1"]\n' "$1"; }
{
	printf 'services:\n'
	printf '  web:\n    expose: ["8080"]\n    x-mayfly: {route: /, hosts: [shop.example.com]}\n'
	app web
	printf '  catalogue:\n    expose: ["8080"]\n    x-mayfly: {route: [/catalogue/, /c/]}\n'
	app catalogue
	printf '  redis:\n    expose: ["6379"]\n    x-mayfly: {protocol: tcp}\n'
	app redis
	printf 'networks: {default: {ipam: {config: [{subnet: "$RANGE"}]}}}\n'
} >"$T/shop.yaml"

mayfly up -f "$T/shop.yaml" --id abc --print
is "$STATUS" 0 'what the file says to Mayfly can be printed'
like "$OUT" '"mayfly.route": "/catalogue/,/c/"' 'as labels'
is "$(docker ps -q)" '' 'which starts nothing'
mayfly up -f "$T/shop.yaml" --id abc --wait --timeout "$((60 * SLOW))s"
is "$STATUS" 0 'it is started'
is "$(grep '^abc: ' <<<"$OUT")" $'abc: http://www-abc.<any domain>/\nabc: http://shop.example.com/' 'its URLs are printed'
ok 'it answers' serves www-abc.example.com '^web 1 '
ok 'by its host' serves shop.example.com '^web 1 '
ok 'and on each route' says '^catalogue 1 ' fetch www-abc.example.com "$HTTP/c/x"
is "$("$MAYFLY_BIN/svcregister" list | awk '{ print $1, $2 }' | sort)" $'catalogue abc\nweb abc' \
	'what speaks no HTTP stays inside'
mayfly ps -f "$T/shop.yaml" --id abc
is "$STATUS" 0 'its containers'
like "$OUT" 'abc.catalogue.1' 'are listed'

# --- what is refused --------------------------------------------------------------------------

sed 's/expose: \["8080"\]/ports: ["8099:8080"]/' "$T/shop.yaml" >"$T/fixed.yaml"
make_network other
ports 1
taken=${PORTS[0]}
sed -i "s/8099/$taken/" "$T/fixed.yaml"
run_container taken app:1 --network other -p "127.0.0.1:$taken:8080" -l com.docker.compose.project=other
mayfly up -f "$T/fixed.yaml" --id xyz
is "$STATUS" 65 'a fixed port that another project has'
like "$ERR" "fixed.yaml: service .*: port $taken is published by the project other: write only" \
	'is named, with what to write instead'
ok 'and nothing is started' not says xyz docker ps -a
printf 'services: {web: {x-mayfly: {rout: /}, image: x}}\n' >"$T/bad.yaml"
mayfly up -f "$T/bad.yaml" --id xyz
is "$STATUS" 65 'a word that nobody knows'
like "$ERR" 'bad.yaml: service web: x-mayfly: unknown key "rout": did you mean "route"' 'is named'
printf 'services: [web]\n' >"$T/bad.yaml"
mayfly up -f "$T/bad.yaml" --id xyz
is "$STATUS" 65 'what docker-compose refuses'
like "$ERR" '[Ss]ervices' 'is said in its words'
mayfly up -f "$T/shop.yaml" --id my_shop
is "$STATUS" 64 'an id that no environment can have is a wrong call'
mayfly up --id abc
is "$STATUS" 64 'so is one without a file'

mayfly down -f "$T/shop.yaml" --id abc
is "$STATUS" 0 'it is taken down'
within 'and its environment is gone' 10 not etcd_has environments/abc

done_testing
