#!/bin/bash
# With an etcd that asks for users, and each tool with the role that mayfly-security(7) gives it and no
# more, everything works: the main job and the demo, side by side.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq dig curl socat

mkdir "$T/tmp"
start_with_roles() { # NAME PROGRAM
	start "$1" env ROLES=1 "TMPDIR=$T/tmp" "SLOW=$SLOW" "MAYFLY_BIN=$MAYFLY_BIN" "$TOP/$2"
}
start_with_roles job tests/integration/10-main-job.sh
start_with_roles demo contrib/demo/demo.sh
wait_exit job 100
is "$STATUS" 0 'the main job is done'
wait_exit demo 100
is "$STATUS" 0 'the demo goes through'
is "$(ls -A "$T/tmp")" '' '  and nothing is left behind'

done_testing
