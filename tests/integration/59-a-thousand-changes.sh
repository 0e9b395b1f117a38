#!/bin/bash
# Environments as differences against tests/reference, a slow resolver of the rules: random families,
# and random changes under load, of which no request is lost or sees anything but the state before or
# after.  CHANGES=1000 and FAMILIES=10000 ask for more of them, SEED=n for those of an earlier run.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl python3 socat

SEED=${SEED:-$RANDOM}
reference() { python3 -B "$TOP/tests/reference/$1.py" "${@:2}"; }
# compares NAME WHAT ARGUMENT...: what it prints last, and of what is wrong the first lines
compares() {
	reference "$1" "${@:3}" >"$T/out/$1" 2>&1
	is "$?" 0 "$2 (SEED=$SEED): $(tail -n 1 "$T/out/$1")" || head -c 20000 "$T/out/$1" >&2
}

start_etcd
write_settings
rounds=$(((${FAMILIES:-200} + 99) / 100))
compares compare 'random families are what the rules say' "$MAYFLY_BIN/cfgrender" "$T/out" "${ETCD_URLS[0]}" \
	"$SEED" "$rounds"

etcdctl del --prefix /mayfly/ >/dev/null
for service in s0 s1 s2 s3; do
	for version in 1 2 3; do
		start_app "$service-$version" $service $version
		printf '%s %s %s\n' $service $version "${ADDRESS[$service-$version]}" >>"$T/apps"
	done
done
ports 1
metrics=127.0.0.1:${PORTS[0]}
write_settings dnsmasq.hosts= dnsmasq.reload= 'max_removal="100%"' "metrics_bind=\"$metrics\""
start_tool kvwatch
start_haproxy
is_up() { says '^mayfly_applied_revision' curl -s "http://$metrics/metrics"; }
wait_for 20 is_up || die 'kvwatch does not come up'
compares live 'random changes under load' "${ETCD_URLS[0]}" "$HTTP" "$INTERNAL" "$metrics" "$T/apps" "$SEED" \
	"${CHANGES:-50}"
within 'all is one at the end' 20 all_is_one

done_testing
