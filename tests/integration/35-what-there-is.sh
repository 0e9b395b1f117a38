#!/bin/bash
# Mayfly's command for people, on a real etcd: what there is, in each format, and what is missing.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl script

start_etcd
write_settings
table() { sed 's/  */ /g; s/ $//' <<<"$OUT"; } # with single spaces

run_tool mayfly env list
is "$STATUS $OUT" '0 There is no environment.' 'at first there is nothing'

etcd_put environments/prod '{"name":"prod","prefix":"www","hosts":["shop.example.com"],"services":[{"name":"web","version":"1","route":"/"}],"origin":{"owner":"ci","source":"/envs/prod.yaml"}}'
etcd_put environments/pr-42 '{"name":"pr-42","services":[{"name":"web","version":"2","route":"/"},"mail"]}'
etcd_put environments/broken '{"name":"broken","services":7}'
etcd_put backends/web/1/a 10.0.0.5:80
etcd_put backends/web/2/a '{"address":"10.0.0.6","port":80,"state":"drain"}'

# --- environments
run_tool mayfly env list
is "$STATUS" 0 'env list'
is "$(table | head -n 4)" 'NAME SERVICES PREFIX HOSTS STATE OWNER
pr-42 2 www-pr-42 - missing -
prod 1 www shop.example.com ready ci
broken - - - set aside -' '  says what is ready, what is not, and whose it is'
like "$OUT" 'mayfly env list -o wide' '  and what to do next'
run_tool mayfly env ls -o wide
like "$(table)" '^pr-42 .* mail:latest,web:2 -$' '  -o wide names the versions without an instance'
like "$(table)" '^broken .* services: must be a list' '  and the reason'
run_tool mayfly -o name env list
is "$OUT" $'pr-42\nprod\nbroken' '  -o name'
run_tool mayfly env list -o json
like "$OUT" '^\{"environments":\[\{"name":"pr-42","services":2,' '  -o json'
is "$(wc -l <<<"$OUT")" 1 '  is one line'
run_tool mayfly env list -o yaml
like "$OUT" '^  - name: "pr-42"$' '  -o yaml'

# --- for a terminal
COLUMNS=14 run_tool mayfly env list
is "$(sed -n 3p <<<"$OUT")" 'prod    1' 'a table is cut to the width'
on_terminal() { script -qec "$MAYFLY_BIN/mayfly env list" /dev/null </dev/null; }
like "$(on_terminal)" $'\e\\[31mmissing\e\\[0m' 'and has colours on a terminal'
unlike "$(NO_COLOR=1 on_terminal)" $'\e' 'unless NO_COLOR says no'

# --- wrong calls, and help
is_refused() { # STATUS REGEX WORD...
	local status=$1 regex=$2

	shift 2
	run_tool mayfly "$@"
	is "$STATUS" "$status" "mayfly $*"
	like "$ERR" "$regex" '  says why'
}
is_refused 64 'did you mean "env"' enb list
is_refused 64 'did you mean "list"' env lst
is_refused 64 'env: say what to do: list' env
is_refused 64 'expected none' env list prod
is_refused 66 "$T/nowhere: " env list --environments "$T/nowhere"
is_refused 69 '127.0.0.1:9: ' env list --endpoints http://127.0.0.1:9 --timeout 1s
kill -STOP "${PID[etcd]}"
is_refused 75 '127.0.0.1' env list --timeout 500ms
kill -CONT "${PID[etcd]}"
run_tool mayfly
like "$OUT" '^  env list ' 'without a command it says which there are'
run_tool mayfly help env list
is "$OUT" "$("$MAYFLY_BIN/mayfly" env list --help)" 'help COMMAND is COMMAND --help'
like "$OUT" '^mayfly env list: ' "  which is that command's own"

# --- from files, without etcd
stop etcd
write_environment prod web=1@/
write_environment pr-7 web=3
printf 'web: {1: ["10.0.0.5:80"]}\n' >"$T/backends.yaml"
run_tool mayfly env list --environments "$T/environments" --backends "$T/backends.yaml"
is "$(table | head -n 3)" 'NAME SERVICES PREFIX HOSTS STATE OWNER
pr-7 1 www-pr-7 - missing -
prod 1 www-prod - ready -' 'the same from files'

done_testing
