#!/bin/bash
# Every tool: help, version, wrong calls, settings from flags, variables and file, log formats.
. "$(dirname "$0")/lib.sh"

for tool in cfgrender envwatch kvwatch svcregister; do
	run_tool $tool --help
	is "$STATUS" 0 "$tool --help"
	like "$OUT" '^usage:' 'shows how to call it'
	like "$OUT" '-e, --endpoints' 'with the common options'
	is "$ERR" '' 'on standard output alone'
	run_tool $tool -V
	like "$OUT" "^$tool [0-9]" "$tool -V"
	run_tool $tool --no-such-option
	is "$STATUS $(wc -l <<<"$ERR")" '64 1' "$tool: an unknown option is one line and 64"
	run_tool $tool --log-level loud
	is "$STATUS" 64 "$tool: a log level that is none"
	run_tool $tool --config "$T/nowhere.yaml" --once
	like "$STATUS" '^6[46]$' "$tool: a settings file that is not there"
	printf 'nodes: x\n' >"$T/mayfly.yaml"
	run_tool $tool
	like "$STATUS" '^(64|78)$' "$tool: settings that are wrong"
done
for settings in 'etcd: {endpoint: x}' 'haproxy: {bind: ["a b"]}' 'dnsmasq: {reload: sometimes}' \
	'haproxy: {config: relative.cfg}' $'node: a\nnode: b' 'node: &a b' '[' $'node: "\\0"' \
	'haproxy: {admin_socket: "/run/x mode 666"}' 'targets: [{template: x}]'; do
	printf '%s\n' "$settings" >"$T/mayfly.yaml"
	run_tool cfgrender --dry-run --environments "$T/environments"
	is "$STATUS" 78 "refused: ${settings//$'\n'/ }"
	like "$ERR" 'mayfly.yaml.*line [0-9]+' 'with its place'
done

write_settings 'etcd.endpoints=["http://127.0.0.1:9"]' etcd.prefix=/file
run_tool svcregister list
like "$ERR" '127.0.0.1:9' 'the file says where etcd is'
ETCDCTL_ENDPOINTS=http://127.0.0.1:10 run_tool svcregister list
like "$ERR" '127.0.0.1:10' 'a variable overrules it'
ETCDCTL_ENDPOINTS=http://127.0.0.1:10 run_tool svcregister list -e http://127.0.0.1:11
like "$ERR" '127.0.0.1:11' 'and a flag that'
is "$STATUS" 69 'out of reach is 69'
run_tool svcregister list --log-format json
like "$(tail -n 1 <<<"$ERR")" '^\{"time":"[^"]+","level":"error","tool":"svcregister","msg":".*\}$' 'the log as JSON'

done_testing
