#!/bin/bash
# Two thousand instances of one process stay registered at a few calls a second, and an outage of
# etcd costs no call more than it must: none while the lease lives, one round when it does not.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl curl

count=2000
start_etcd
instances() { etcd_keys backends/many/ | wc -l; }
are() { [[ $(instances) == "$1" ]]; }
# How many of them were ever deleted and put again, or never changed, since they were first put.
versions() { # VERSION
	etcdctl get --prefix -w json /mayfly/backends/many/ | grep -o '"version":[0-9]*' |
		grep -c ":$1\$"
}
lives() { # SECONDS: the lease's time to live
	start registrar "$TEST_BIN/registrar" --etcd "${ETCD_URLS[0]}" --count $count --ttl "$1"
}
at_most() { # GOT MOST NAME
	ok "$3: $1" test "$1" -le "$2"
}

lives 60
within 'all are registered' 30 log_has registrar "^all $count$"
is "$(instances)" $count 'and there'
is "$(etcd_calls Txn)" 16 '128 keys a call'
is "$(etcd_calls LeaseGrant)" 1 'under one lease'
at_most "$(etcd_calls)" 20 'all calls'

before=$(etcd_calls Txn)
send_signal USR1 registrar
within 'half of them are withdrawn' 30 are $((count / 2))
is $(($(etcd_calls Txn) - before)) 8 '128 keys a call'
etcdctl put /mayfly/backends/many/1/i00003 10.9.9.9:80 >/dev/null
before=$(etcd_calls Txn)
send_signal USR2 registrar
within 'and put again' 30 are $count
at_most $(($(etcd_calls Txn) - before)) 9 'calls for it'

# What a stranger has is left to him, and does not hold up the others.
etcdctl put /mayfly/backends/many/1/i00005 10.9.9.9:80 >/dev/null
send_signal USR1 registrar
within 'a key that is a stranger'"'"'s stays when the others go' 30 are $((count / 2 + 1))
like "$(etcd_get backends/many/1/i00005)" '^10.9.9.9:80$' 'it is his'
etcd_del backends/many/1/i00005
send_signal USR2 registrar
within 'all again' 30 are $count

# All are changed over and over: many calls, but never too many at a time.
before=$(etcd_calls) start=${EPOCHREALTIME/./}
for ((i = 0; i < 40; i++)); do
	send_signal HUP registrar
	wait_for 10 log_has registrar "^weight $((i + 2))\$" # two pending signals are one
done
weight_is() { says '"weight":41' etcd_get "backends/many/1/i0$1"; }
within 'the last of many changes gets there' 60 weight_is 1999
within 'of all of them' 60 weight_is 0000
seconds=$(((${EPOCHREALTIME/./} - start) / 1000000 + 1))
at_most $((($(etcd_calls) - before) / seconds)) 20 "calls a second, over $seconds s"

# An outage that the lease outlives: nothing is written, nothing is granted.
kept_alive() { (($(etcd_calls LeaseKeepAlive) > 0)); }
stop registrar
mark registrar
lives 6
within 'with a lease of six seconds' 30 log_has registrar "^all $count$"
is "$(instances)" $count 'all are there'
rev=$(etcd_revision)
stop etcd KILL
start_again etcd
within 'etcd is killed, and started again' 30 etcd_is_ready "${ETCD_URLS[0]}"
within 'and the lease is kept alive' 30 kept_alive
is "$(etcd_revision)" "$rev" 'no key was written, though'
is "$(etcd_calls Txn)$(etcd_calls LeaseGrant)" 00 'nor tried to'

# Its end takes no key along that a process after it has put.
old=$(etcdctl lease list | grep -c '^[0-9a-f]\{16\}$')
stop registrar KILL
mark registrar
lives 6
within 'a process that was killed is started again' 30 log_has registrar "^all $count$"
one_lease() { (($(etcdctl lease list | grep -c '^[0-9a-f]\{16\}$') < old + 1)); }
within 'its first lease is over' 30 one_lease
is "$(versions 1)" 0 'no key was deleted in between'
is "$(instances)" $count 'and all are there'

# An outage that the lease does not outlive: all is put once.
mark registrar
send_signal STOP etcd
within 'etcd hangs until nobody can tell whether they are there' 60 log_has registrar '^not all: '
mark registrar
send_signal CONT etcd
within 'they are there again' 30 log_has registrar "^all $count$"
is "$(instances)" $count 'all of them'
before=$(etcd_revision)
kept=$(etcd_calls LeaseKeepAlive)
more() { (($(etcd_calls LeaseKeepAlive) > kept)); }
within 'and stay' 30 more
is "$(etcd_revision)" "$before" 'with no further write'
at_most "$(etcd_calls Txn)" $((16 + 17 + 2)) 'all transactions since etcd was started'

stop registrar
is "$STATUS" 0 'its end is in order'
within 'and all are gone at once' 5 are 0
at_most "$(etcd_calls LeaseRevoke)" 1 'by one call'

done_testing
