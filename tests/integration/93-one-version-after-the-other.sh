#!/bin/bash
# One transaction brings a version that nobody has seen, sets the environment to it and takes away the
# only instance of the version before, again and again: no request is lost, and the last one is in force.
#
#	ROUNDS=N      so many of them 120 ms apart, a pace that meets reloads and audits in progress (20)
#	VERSIONS=N    so many one directly behind the other (150)
#	RATE=N        requests a second (500)
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

APPS=4 # versions are theirs in turn
start_etcd
write_settings dnsmasq.hosts= dnsmasq.reload=
start_tool kvwatch
for ((i = 0; i < APPS; i++)); do start_app "web-$i" web "$i"; done
etcd_put backends/web/v0/a "${ADDRESS[web-0]}"
etcd_put environments/dev '{"name":"dev","services":[{"name":"web","version":"v0","route":"/"}]}'
start_haproxy
within 'the first version is served' 10 serves www-dev.example.com '^web 0 '
within '  and all is one' 20 all_is_one

base64_of() { printf '%s' "$1" | base64 -w 0; }
environment=$(base64_of /mayfly/environments/dev)
instance_of() { base64_of "/mayfly/backends/web/v$1/a"; }

# The requests of versions FIRST to LAST for curl, each a transaction at the JSON gateway.
rounds() { # FIRST LAST
	local n old new address value txn

	old=$(instance_of $(($1 - 1)))
	for ((n = $1; n <= $2; n++)); do
		new=$(instance_of "$n")
		address=$(base64_of "${ADDRESS[web-$((n % APPS))]}")
		value=$(base64_of "{\"name\":\"dev\",\"services\":[{\"name\":\"web\",\"version\":\"v$n\",\"route\":\"/\"}]}")
		txn="{\"success\":[{\"requestPut\":{\"key\":\"$new\",\"value\":\"$address\"}},
			{\"requestPut\":{\"key\":\"$environment\",\"value\":\"$value\"}},
			{\"requestDeleteRange\":{\"key\":\"$old\"}}]}"
		printf 'url = %s/v3/kv/txn\noutput = /dev/null\ndata = "%s"\nnext\n' "${ETCD_URLS[0]}" \
			"$(tr -d '\n\t' <<<"${txn//\"/\\\"}")"
		old=$new
	done | sed '$d'
}

# play WORDS FIRST LAST [CURL-OPTION...]: under load
play() {
	local words=$1 first=$2 last=$3 before took reloads

	shift 3
	rounds "$first" "$last" >"$T/out/rounds"
	before=$(haproxy_reloads)
	start_load --url "$HTTP/" -H 'Host: www-dev.example.com' --connections 8 --rate "${RATE:-500}" --keepalive
	took=${EPOCHREALTIME/./}
	ok "$words" curl -sSf -K "$T/out/rounds" "$@"
	took=$(((${EPOCHREALTIME/./} - took) / 1000))
	within '  and the last of them is served' 10 serves www-dev.example.com "^web $((last % APPS)) "
	within '  alone' 20 all_is_one
	stop_load
	reloads=$(($(haproxy_reloads) - before))
	note "$((last - first + 1)) versions in $took ms"
	ok "  by hardly a reload ($reloads)" test "$reloads" -le $((1 + (last - first) / 500))
	is "$(load_says failed)" 0 "  no request of $(load_says requests) is lost"
}

rounds_count=${ROUNDS:-20} versions=${VERSIONS:-150}
play "$rounds_count versions 120 ms apart" 1 "$rounds_count" --rate 500/m
play "$versions versions one directly behind the other" $((rounds_count + 1)) $((rounds_count + versions))

done_testing
