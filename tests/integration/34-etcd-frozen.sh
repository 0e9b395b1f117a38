#!/bin/bash
# An etcd that takes connections and says nothing: who runs once names it in time, and a terminal
# that is closed meanwhile ends nobody.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl

start_etcd
write_settings
write_environment dev web=1@/
send_signal STOP etcd
within 'etcd is frozen' 10 is_stopped "${PID[etcd]}"

run_tool kvwatch --once --timeout 2s
like "$STATUS" '^(69|75)$' 'kvwatch --once: later'
like "$ERR" "etcd: ${ETCD_URLS[0]#http://}" 'and names etcd'
run_tool envwatch --once --timeout 2s "$T/environments"
like "$STATUS" '^(69|75)$' 'envwatch --once: later'
like "$ERR" "etcd: ${ETCD_URLS[0]#http://}" 'and names etcd'

connected() { # NAME: its call is under way
	find "/proc/${PID[$1]}/fd" -lname 'socket:*' | grep -q .
}
send_signal CONT etcd
within 'it goes on' 20 etcd_is_ready "${ETCD_URLS[0]}"

hung_up() { # NAME TOOL ARG...
	send_signal STOP etcd
	wait_for 10 is_stopped "${PID[etcd]}"
	start_tool_as "$@"
	wait_for 10 connected "$1"
	send_signal HUP "$1"
	send_signal CONT etcd
	wait_exit "$1" 40
	is "$STATUS" 0 "$1 goes on at SIGHUP, and ends in order when etcd goes on"
}
hung_up list svcregister list
hung_up deregister svcregister deregister web 1 127.0.0.1:80
hung_up put envwatch --once "$T/environments"
hung_up apply kvwatch --once

done_testing
