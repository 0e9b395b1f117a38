#!/bin/bash
# A storm of changes, a thousand a second: all ends right, an unrelated change does not wait for its
# end, and renewed leases and equal values cause nothing.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq dig curl socat

start_etcd
write_settings
start_tool kvwatch
start_haproxy
wait_for 10 test -e "$T/dns/hosts"
start_dnsmasq
for version in 1 2; do
	start_app "web-$version" web $version
	etcd_put "backends/web/$version/a" "${ADDRESS[web-$version]}"
done
env_json() { # NAME VERSION
	printf '{"name":"%s","services":[{"name":"web","version":"%s","route":"/"}]}' "$1" "$2"
}
env() { etcd_put "environments/$1" "$(env_json "$1" "$2")"; }
env calm 1
within 'it works' 10 serves www-calm.example.com '^web 1 '
env calm 2
within 'with both versions' 10 serves www-calm.example.com '^web 2 '
within 'and all is one' 10 all_is_one
before=$(haproxy_reloads)

# One request a change, all of them at the JSON gateway, many at a time, so that each is a revision of
# its own.  50 environments flip between two versions.
base64_of() { printf '%s' "$1" | base64 -w 0; }
for i in {1..50}; do
	for version in 1 2; do
		printf '{"key":"%s","value":"%s"}\n' "$(base64_of "/mayfly/environments/storm-$i")" \
			"$(base64_of "$(env_json "storm-$i" $version)")"
	done
done >"$T/out/bodies"
mapfile -t bodies <"$T/out/bodies"
COUNT=6000
for ((n = 0; n < COUNT; n++)); do
	printf 'url = %s/v3/kv/put\noutput = /dev/null\ndata = "%s"\nnext\n' "${ETCD_URLS[0]}" \
		"${bodies[n % 50 * 2 + n / 50 % 2]//\"/\\\"}"
done | sed '$d' >"$T/out/storm"

mark kvwatch
# An unrelated change now and then, and how long it took to the traffic and to dnsmasq.
storm_start=${EPOCHREALTIME/./}
start storm curl -sS -Z --parallel-max 24 -K "$T/out/storm"
worst=0 seen=0
while is_running storm; do
	version=$((seen % 2 + 1))
	env calm "$version"
	asked=${EPOCHREALTIME/./}
	if ! wait_for 10 serves www-calm.example.com "^web $version "; then
		fail 'an unrelated change arrives during the storm'
		break
	fi
	took=$(((${EPOCHREALTIME/./} - asked) / 1000))
	((took <= worst)) || worst=$took
	((++seen))
	if ((seen == 3)); then
		etcd_put backends/mail/1/a "${ADDRESS[web-1]}"
		within 'dnsmasq learns a name in the midst of it' 10 says '^127\.0\.0\.1$' dns mail.service
	fi
done
wait_exit storm 60
is "$STATUS" 0 'the storm is over'
storm_ms=$(((${EPOCHREALTIME/./} - storm_start) / 1000))
note "$COUNT changes in $storm_ms ms; of $seen unrelated ones the slowest arrived after $worst ms"
ok 'unrelated changes arrived during it' test "$seen" -ge 2
ok 'each of them soon' test "$worst" -le $((2000 * SLOW))

for i in {1..50}; do env "storm-$i" $((i % 2 + 1)); done
env calm 1
within 'what comes behind it arrives' 10 serves www-calm.example.com '^web 1 '
within 'all is one' 20 all_is_one
bad=0
for i in {1..50}; do serves "www-storm-$i.example.com" "^web $((i % 2 + 1)) " || ((++bad)); done
is "$bad" 0 'every environment has its last state'
writes=$(tail -n "+$((MARK[kvwatch] + 1))" "$T/log/kvwatch" | grep -c ' written .*group=haproxy')
note "the files were written $writes times"
ok 'far less often than anything changed' test "$writes" -lt $((COUNT / 10))
is "$(($(haproxy_reloads) - before))" 0 'nothing of it took a reload, and neither did the new version'

# What is no change: leases that are renewed, and values that are equal.
start_app leased web 1
start_tool_as registrar svcregister register web 1 "${ADDRESS[leased]}" --ttl 2s
within 'a leased instance' 10 says "${ADDRESS[leased]}" cat "$T/haproxy/haproxy.cfg"
within 'all is one' 20 all_is_one
worker=$(haproxy_worker)
mark kvwatch
stamps=$(stat -c '%y %i' "$T"/haproxy/haproxy.cfg "$T"/haproxy/maps/* "$T/dns/hosts")
revision_before=$(etcdctl get --write-out=json / | sed 's/.*"revision":\([0-9]*\).*/\1/')
for i in {1..50}; do env "storm-$i" $((i % 2 + 1)); done
lease_over=$((${EPOCHREALTIME/./} + 2500000 * SLOW))
lease_is_over() { ((${EPOCHREALTIME/./} > lease_over)); }
wait_for 20 lease_is_over
ok 'the lease was renewed' etcd_keys backends/web/1/
revision_after=$(etcdctl get --write-out=json / | sed 's/.*"revision":\([0-9]*\).*/\1/')
ok 'etcd has had fifty writes' test $((revision_after - revision_before)) -ge 50
is "$(tail -n "+$((MARK[kvwatch] + 1))" "$T/log/kvwatch" | grep -v debug)" '' 'nothing was done for them'
is "$(stat -c '%y %i' "$T"/haproxy/haproxy.cfg "$T"/haproxy/maps/* "$T/dns/hosts")" "$stamps" \
	'no file was touched'
is "$(haproxy_worker)" "$worker" 'and nothing reloaded'

done_testing
