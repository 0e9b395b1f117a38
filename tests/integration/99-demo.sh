#!/bin/bash
# The demo, which looks at every step itself, goes through to its end and leaves nothing behind.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq dig curl socat

mkdir "$T/tmp"
ok 'the demo goes through' env -u VALGRIND TMPDIR="$T/tmp" MAYFLY_BIN="$MAYFLY_BIN" \
	timeout 120 "$TOP/contrib/demo/demo.sh"
is "$(ls -A "$T/tmp")" '' 'and leaves nothing behind'

done_testing
