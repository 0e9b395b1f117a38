#!/bin/bash
# A thousand hostile files, keys, labels and requests, while somebody else's environment is under load:
# it is answered throughout, no tool ends or grows, and whatever is refused is named.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

ports 1
metrics=127.0.0.1:${PORTS[0]}
start_mayfly "metrics_bind=\"$metrics\""
start_instance web web 1
start_instance guard guard 1
start_instance secret secret 1
write_environment victim web=1@/ guard=1@/admin secret=1
write_environment other web=1@/
within 'an environment is served' 20 serves www-victim.example.com '^web 1 '
within '  with its routes' 10 says '^guard 1 ' fetch www-victim.example.com "$HTTP/admin"
start_load --url "$HTTP/" -H 'Host: www-victim.example.com' --connections 4 --rate 200 --expect '^web 1 ' \
	--timeout 5s

hostile() { # WHAT WHERE N
	"$TEST_BIN/hostile" --seed 7 --etcd "${ETCD_URLS[0]#http://}" --http "$HTTP" \
		--victim www-victim.example.com "$@"
}
put_keys() {
	local body

	hostile keys 300 | split -l 1 - "$T/out/keys."
	for body in "$T"/out/keys.*; do
		curl -s --max-time 20 --data-binary "@$body" "${ETCD_URLS[0]}/v3/kv/txn" | grep '"succeeded":true' || return
	done
}
mkdir "$T/services.d" "$T/new"
hostile files "$T/new" 200 && mv "$T"/new/* "$T/environments"
hostile services "$T/services.d" 100
start engine "$TEST_BIN/hostile" --seed 7 --etcd "${ETCD_URLS[0]}" labels "$T/run/docker.sock" 100
ok 'three hundred keys are put' put_keys
start_tool_as units svcregister dir "$T/services.d" --ttl 2s
start_tool_as labels svcregister docker --docker-host "unix://$T/run/docker.sock" --ip 127.0.0.1 --ttl 2s
hostile requests "$HTTP" 250 >"$T/out/answers"
hostile requests "$metrics" 50 >"$T/out/metrics"
is "$(wc -l <"$T/out/answers")" 250 'two hundred and fifty requests have been sent'
unlike "$(<"$T/out/answers")" '^[0-9]+ secret' '  and nobody outside gets to a service without a route'
unlike "$(grep -v '^200 ' "$T/out/answers")" '^[0-9]+ (web|guard|evil)' '  or is answered by one when refused'

# Each is in force, or named in a log with the reason.
list_of() { # LETTER COUNT
	local i

	for ((i = 0; i < $2; i++)); do
		printf '%s\n' "$1$i"
	done
}
unnamed() { # LETTER COUNT LOG...
	local letter=$1 count=$2

	shift 2
	"$MAYFLY_BIN/mayfly" instance list -o json >"$T/out/instances"
	{
		cat "$T/out/instances"
		etcd_keys environments/ | grep "/$letter"
		cat "${@/#/$T/log/}"
	} | grep -aoE "${letter}[0-9]+" | sort -u >"$T/out/named"
	list_of "$letter" "$count" | sort | comm -23 - "$T/out/named"
}
all_named() { [[ -z $(unnamed "$@") ]]; }
within 'each file that is refused is named' 20 all_named h 200 envwatch
within '  each key' 20 all_named k 300 kvwatch
within '  each file of services' 20 all_named u 100 units
within '  each container' 20 all_named l 100 labels

write_environment after web=1@/
within 'a new environment after all that is served' 20 serves www-after.example.com '^web 1 '
ok 'the others are' serves www-other.example.com '^web 1 '
like "$(fetch www-victim.example.com "$HTTP/admin")" '^guard 1 ' '  with their routes'
stop_load
is "$(load_says failed)" 0 'and were all the time'
like "$(curl -s --max-time 10 "http://$metrics/metrics")" '^mayfly_ready 1' 'the metrics server answers'
for name in envwatch kvwatch units labels; do
	ok "$name is alive" is_running $name
	[[ -n ${VALGRIND:-} || $MAYFLY_BIN == *asan* ]] || ok '  and has not grown' test "$(awk '/^VmHWM/ { print $2 }' "/proc/${PID[$name]}/status")" -lt 150000
	# nor those of Unicode (C1), nor one that turns the direction of a line
	is "$(LC_ALL=C grep -cP '[^\x09\x0a\x20-\x7e\x80-\xff]|\xc2[\x80-\x9f]|\xe2\x80[\xaa-\xae]' "$T/log/$name")" 0 \
		'  and its log holds no control characters'
done
within 'what HAProxy runs is what its files say' 20 all_is_one
is "$(find "$T" -newer "$T/mayfly.yaml" -type f ! -path "$T/environments/*" ! -path "$T/services.d/*" ! -path "$T/out/*" \
	! -path "$T/data-etcd/*" -printf '%P\n' | grep -vE '^(haproxy/(haproxy.cfg|maps/(503|[a-z-]+)(\.[a-z]+)?)|dns/hosts|(log|cmd|state|run|rendered)/.*)(.before-mayfly)?$')" '' \
	'no other file was written'

done_testing
