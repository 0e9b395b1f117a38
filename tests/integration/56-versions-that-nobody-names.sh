#!/bin/bash
# A program whose version no environment names any more is of no use, and can end by itself.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl

start_etcd
write_settings
ports 3
name() { etcd_put "environments/$1" "{\"name\":\"$1\",\"services\":[{\"name\":\"web\",\"version\":\"$2\"}]}"; } # ENV VERSION
program() { # NAME VERSION PORT OPTION...
	start_tool_as "$1" svcregister register "${@:4}" --no-check --drain-time 0s web "$2" "127.0.0.1:$3" -- "${IDLE[@]}"
}
registered() { etcd_keys "backends/web/$1/" | grep -q .; } # VERSION

name prod 1
etcd_put environments/pr '{"name":"pr","extends":"prod","services":[{"name":"web","versions":{"1":50,"2":50}}]}'
program one 1 "${PORTS[0]}" --retire 1s
program two 2 "${PORTS[1]}" --retire 1s
program three 3 "${PORTS[2]}"
for version in 1 2 3; do
	within "version $version is there" 20 registered "$version"
done
unused() { run_tool mayfly service unused -o name && [[ $OUT == $'web\t3' || $OUT == 'web 3' || $OUT == web/3 ]]; }
within 'a version that nobody names is listed' 20 unused
program four 4 "${PORTS[2]}" --retire 1s
within 'one that was never named ends' 20 log_has four 'no environment has named the version'
wait_exit four 20
is "$(etcd_keys backends/web/4/)" '' '  and is withdrawn'
ok 'those that are named go on, also one that has a share' is_running two

etcd_put environments/pr '{"name":"pr","extends":"prod","services":[]}'
within 'it is named no longer: it ends' 20 log_has two 'no environment has named the version'
wait_exit two 20
is "$STATUS" 143 '  as by SIGTERM'
ok 'what one extends still names the first' is_running one

send_signal STOP etcd
wait_for 10 is_stopped "${PID[etcd]}" || die 'etcd is not frozen'
within 'etcd is out of reach' 60 log_has one 'etcd'
ok '  and it goes on' is_running one
send_signal CONT etcd
within '  and is registered again' 60 registered 1
etcd_del environments/prod
within 'until its environment is gone' 60 log_has one 'no environment has named the version'
wait_exit one 20
ok 'who was not told so goes on' is_running three
run_tool svcregister register --retire 1h --env prod web 1 127.0.0.1:80 -- true || :
is "$STATUS" 64 'one for a single environment does not retire'
like "$ERR" '\-\-retire: not with --env' '  which is said'

done_testing
