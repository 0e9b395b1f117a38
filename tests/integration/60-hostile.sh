#!/bin/bash
# Hostile names and values in every field, in files and directly in etcd: each is set aside and named,
# none reaches HAProxy's configuration, and the good ones beside them live.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

start_mayfly
start_instance web web 1
write_environment good web=1@/
within 'a good environment is served' 10 serves www-good.example.com '^web 1 '

long=$(printf 'x%.0s' {1..10000})
evil=(
	$'a\nprogram evil\n    command touch '"$T/owned"
	'a; disable frontend external' 'a%[env(PATH)]' 'a"b' "a'b" 'a b' 'a#b' 'a\b' '../../etc' $'a\tb'
	'{{name}}' "$long" $'a\xff' 'é' '' '${PATH}'
)
json() { # STRING: as JSON, invalid bytes and all
	local s=${1//\\/\\\\}
	s=${s//\"/\\\"}
	s=${s//$'\n'/\\n}
	printf '"%s"' "${s//$'\t'/\\t}"
}

n=0
for value in "${evil[@]}"; do
	q=$(json "$value")
	((++n))
	{
		printf -- '- {name: %s}\n' "$q"
		printf -- '- {name: f%d-prefix, prefix: %s}\n' $n "$q"
		printf -- '- {name: f%d-header, header: %s}\n' $n "$q"
		printf -- '- {name: f%d-host, hosts: [%s]}\n' $n "$q"
		printf -- '- {name: f%d-service, services: [%s]}\n' $n "$q"
		printf -- '- {name: f%d-version, services: [{name: web, version: %s}]}\n' $n "$q"
		printf -- '- {name: f%d-route, services: [{name: web, route: %s}]}\n' $n "$q"
		printf -- '- {name: f%d-key, %s: 1}\n' $n "${q}"
	} >"$T/environments/evil-$n.yaml"
	for field in prefix header; do
		etcd_put "environments/e$n-$field" "{\"name\":\"e$n-$field\",\"$field\":$q}"
	done
	etcd_put "environments/e$n-host" "{\"name\":\"e$n-host\",\"hosts\":[$q]}"
	etcd_put "environments/e$n-service" "{\"name\":\"e$n-service\",\"services\":[{\"name\":$q}]}"
	etcd_put "environments/e$n-version" \
		"{\"name\":\"e$n-version\",\"services\":[{\"name\":\"web\",\"version\":$q}]}"
	etcd_put "environments/e$n-route" \
		"{\"name\":\"e$n-route\",\"services\":[{\"name\":\"web\",\"route\":$q}]}"
	etcd_put "backends/web/1/e$n" "$value"
	etcd_put "backends/web/1/j$n" "{\"address\":$q,\"port\":80}"
	etcd_put "services/web" "{\"check\":$q,\"balance\":$q}"
	[[ -z $value ]] || etcd_put "backends/$value/1/k$n" 127.0.0.1:1
	[[ -z $value ]] || etcd_put "backends/web/$value/k$n" 127.0.0.1:1
	[[ -z $value ]] || etcd_put "environments/$value" '{"name":"x"}'
done
etcdctl put "$(printf '/mayfly/environments/\xff\xfe')" x >/dev/null

write_environment after web=1@/
within 'a good environment after all that is served' 20 serves www-after.example.com '^web 1 '
ok 'and the first one is' serves www-good.example.com '^web 1 '
ok 'kvwatch is alive' is_running kvwatch
ok 'envwatch is alive' is_running envwatch
like "$(<"$T/log/envwatch")" 'evil-1.yaml' 'what is bad in a file is named by file'
like "$(<"$T/log/kvwatch")" 'e1-version' 'what is bad in etcd is named by key'
unlike "$(cat "$T"/haproxy/haproxy.cfg "$T"/haproxy/maps/*.map)" 'program|disable|env\(|xxxxx|PATH|evil' \
	'nothing of it is in what HAProxy reads'
ok 'nothing was run' not test -e "$T/owned"
is "$(wc -l <"$T/haproxy/maps/environments.map")" "$(grep -c . "$T/haproxy/maps/names.map")" \
	'maps are whole'
ok 'what HAProxy reads is valid' haproxy -c -f "$T/haproxy/haproxy.cfg"
is "$(grep -cP '[^\x09\x0a\x20-\x7e\xc0-\xff\x80-\xbf]' "$T/log/kvwatch")" 0 'the log holds no control characters'

# From the outside: hostile requests.
for host in 'www-good;x.example.com' '<script>alert(1)</script>' "$(printf 'a%.0s' {1..3000})" '%0a%0d' '"'; do
	body=$(fetch "$host" "$HTTP/<script>")
	unlike "$body" '<script>' 'a page shows no script of the client'
	like "$body" '^(503|400)$' 'and is an error'
done

# Names that another has.
start_instance rogue rogue 1
start_instance new new 1
env_json() { # NAME SERVICE MORE
	printf '{"name":"%s",%s"services":[{"name":"%s","version":"1","route":"/"}]}' "$1" "$3" "$2"
}
etcd_put environments/prod "$(env_json prod web '"prefix":"www",')"
within 'a prefix' 20 serves www.example.com '^web 1 '
etcd_put environments/rogue "$(env_json rogue rogue '"hosts":["www.example.com","rogue.example.com"],"prefix":"www-new","header":"new",')"
within 'a host that nobody had' 20 serves rogue.example.com '^rogue 1 '
ok 'a host of an older prefix stays where it is' serves www.example.com '^web 1 '
within 'and that is said' 10 log_has kvwatch 'host www.example.com: claimed by environments prod .prefix www. and rogue; prod has it'
ok 'a free prefix is taken' serves www-new.example.com '^rogue 1 '
etcd_put environments/new "$(env_json new new '')"
within 'but is its own environment'"'"'s when that comes' 20 serves www-new.example.com '^new 1 '
etcd_del environments/prod
within 'who comes next has the host when its owner goes' 20 serves www.example.com '^rogue 1 '

# Addresses that are not a service's: etcd's, HAProxy's own, those of the next host alone.
etcd=${ETCD_URLS[0]#http://} etcd_port=${ETCD_URLS[0]##*:}
thief() { # NAME ADDRESS: an environment of its own, for an instance there
	etcd_put "environments/$1" "$(env_json "$1" "$1" '')"
	etcd_put "backends/$1/1/a" "$2"
	within "an instance at $2 is set aside" 10 log_has kvwatch "instance $1/1/a.*: is $3"
	is "$(fetch_status "www-$1.example.com" "$HTTP/version")" 503 '  and gets no request'
}
thief etcd-1 "$etcd" "etcd's own"
thief etcd-2 "127.1.2.3:$etcd_port" "etcd's own"
thief etcd-3 "[::1]:$etcd_port" "etcd's own"
thief etcd-4 "[::ffff:127.0.0.1]:$etcd_port" "etcd's own"
thief loop-1 "127.0.0.1:$HTTP_PORT" "HAProxy's own .haproxy.bind"
thief loop-2 "[::ffff:7f00:1]:$INTERNAL_PORT" "HAProxy's own .haproxy.internal_bind"
thief loop-3 "127.0.0.1:$STATS_PORT" "HAProxy's own .haproxy.stats_bind"
thief link '169.254.169.254:80' 'a link-local address'
etcd_put services/named "{\"version\":\"1\",\"addresses\":[\"localhost:$etcd_port\"]}"
etcd_put environments/named "$(env_json named named '')"
within 'so is a service at a name of that' 10 log_has kvwatch "service named.*localhost:$etcd_port: is etcd's own"
is "$(fetch_status www-named.example.com "$HTTP/version")" 503 '  and gets no request'
run_tool svcregister register thief 1 "127.9.9.9:$etcd_port"
is "$STATUS" 77 'and nobody registers it'
like "$ERR" "is etcd's own" '  with the reason'
run_tool cfgrender --dry-run
like "$ERR$OUT" "instance etcd-1/1/a.*etcd's own" 'a dry run says so, too'

write_settings 'deny_addresses=["127.0.0.0/8"]' "allow_addresses=[\"${ADDRESS[web]}\"]"
send_signal HUP kvwatch
within 'networks may be denied' 10 log_has kvwatch 'instance rogue/1/.*: is denied .deny_addresses: 127.0.0.0/8'
within '  but for what is allowed' 10 all_is_one
ok '  which is served' serves www-good.example.com '^web 1 '
write_settings "haproxy.local_bind=[\"*:$LOCAL_PORT\"]"
send_signal HUP kvwatch
within 'all of this host is HAProxy'"'"'s where it listens on all' 10 log_has kvwatch 'no longer set aside.*instance rogue'
read -r own _ < <(hostname -I)
if [[ -n $own ]]; then
	mark kvwatch
	thief loop-4 "$own:$LOCAL_PORT" "HAProxy's own .haproxy.local_bind"
fi
write_settings
send_signal HUP kvwatch
within 'and allowed again' 20 serves rogue.example.com '^rogue 1 '

done_testing
