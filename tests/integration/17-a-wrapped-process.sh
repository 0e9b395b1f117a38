#!/bin/bash
# svcregister around a program: announced while it serves, drained and withdrawn before it is
# stopped, and whatever happens to it is svcregister's own exit status.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq

start_mayfly
export MAYFLY_LOG_FORMAT=text
has() { etcd_keys "backends/web/$1/"; }

# run_wrapped ADDRESS:PORT [OPTION...] -- COMMAND...: to its end
run_wrapped() { run_tool svcregister register web "$@"; }
# start_wrapped NAME VERSION ADDRESS:PORT [OPTION...] -- COMMAND...
start_wrapped() {
	local name=$1

	shift
	: >"$T/log/$name"
	start_tool_as "$name" svcregister register web "$@"
}

note 'its exit status'
for status in 0 3 126 127; do
	run_wrapped 1 127.0.0.1:auto -- sh -c "exit $status"
	is "$STATUS" "$status" "exit $status is ours, too"
done
run_wrapped 1 127.0.0.1:auto -- sh -c 'kill -KILL $$'
is "$STATUS" 137 'killed: 128 and the signal'
run_wrapped 1 127.0.0.1:auto -- "$T/no-such-program"
is "$STATUS" 127 'a program that is not there'
like "$ERR" "cannot start $T/no-such-program: No such file" 'is named'
run_wrapped 1 127.0.0.1:auto -- "$T/mayfly.yaml"
is "$STATUS" 126 'one that cannot be executed'
like "$ERR" 'mayfly.yaml: Permission denied' 'with the reason'
run_wrapped 1 127.0.0.1:80 --
is "$STATUS" 64 'no command behind -- is a wrong call'
run_wrapped 1 127.0.0.1:auto
is "$STATUS" 65 'and so is a port of its own without one'
like "$ERR" '"127.0.0.1:auto": only with a command behind --' '  which is said'
run_tool svcregister register web 1
like "$ERR" 'too few operands: expected SERVICE VERSION ADDRESS:PORT' '  and what is missing'
run_wrapped 1 127.0.0.1:80 true
is "$STATUS" 64 'so is a command without --'
run_tool svcregister run
is "$STATUS" 64 'so is something that it cannot do'
like "$ERR" '"run": not one of register' 'which is named'
run_wrapped 1 127.0.0.1:80 --stop-time 1s
is "$STATUS" 64 'and an option for a command that is not there'
like "$ERR" 'stop-time: not for register without a command' 'which is named'
run_wrapped 1 127.0.0.1:80 --stop-signal NONE -- true
is "$STATUS" 64 'and a signal that there is not'
run_wrapped 1 203.0.113.77:auto -- true
is "$STATUS" 65 'and a port of an address that is not ours'
ok 'none of them is left in etcd' not has 1

note 'what it is told'
run_wrapped 1.5 '127.0.0.1:auto' --id one -- sh -c \
	'echo "$MAYFLY_SERVICE $MAYFLY_VERSION $MAYFLY_INSTANCE $MAYFLY_ADDRESS"; echo "port $PORT"'
like "$OUT" '^web 1.5 one 127.0.0.1$' 'service, version, instance and address'
like "$OUT" '^port [1-9][0-9]+$' 'and the port that was found'
is "$(wc -l <<<"$OUT")" 2 'nothing of ours is in its output'
like "$ERR" 'ended status=0' 'but on standard error'
run_wrapped 1 '[::1]:auto' -- sh -c 'echo "$MAYFLY_ADDRESS $MAYFLY_INSTANCE $PORT"'
like "$OUT" '^::1 test-::1-([0-9]+) \1$' 'the same with IPv6 and a name that was made'
run_wrapped 1 127.0.0.1:7007 --env prod -- env
like "$OUT" '^MAYFLY_ENV=prod$' 'but the one that it stands in for'
run_wrapped 1 lo:auto -- sh -c 'echo "$MAYFLY_ADDRESS"'
is "$OUT" 127.0.0.1 'the address of an interface'
run_wrapped 1 127.0.0.0/8:7007 -- sh -c 'echo "$MAYFLY_ADDRESS"'
is "$OUT" 127.0.0.1 'or in a network'
run_wrapped 1 203.0.113.64/28:7007 -- true
is "$STATUS" 65 'where we have none'
like "$ERR" '203.0.113.64/28": this host has no such address' 'is said'
ETCDCTL_PASSWORD=secret run_wrapped 1 127.0.0.1:7007 -- env
like "$OUT" '^PORT=7007$' 'a fixed port is told, too'
unlike "$OUT" 'ETCDCTL_PASSWORD' 'the password of etcd is not'
unlike "$OUT" '^MAYFLY_ENV=' 'and no environment where there is none'
OUT=$(echo words | "$MAYFLY_BIN/svcregister" register web 1 127.0.0.1:7007 -- cat 2>/dev/null)
is "$OUT" words 'it has our standard input and output'
NOTIFY_SOCKET=$T/notify run_wrapped 1 127.0.0.1:7007 -- env
unlike "$OUT" NOTIFY_SOCKET 'and not our service manager'

note 'signals'
cat >"$T/listener" <<'SCRIPT'
trap 'echo outer HUP' HUP
trap 'echo outer USR1' USR1
trap 'echo outer WINCH' WINCH
sh -c 'trap "echo inner HUP" HUP; trap "echo inner USR1" USR1; trap "exit 0" TERM
	echo ready; while :; do sleep 0.05; done' &
trap 'wait $!; exit 9' TERM
while :; do wait; done
SCRIPT
start_wrapped listener 1 127.0.0.1:7001 --no-check -- sh "$T/listener"
within 'a program starts' 10 log_has listener '^ready'
within 'and is announced' 10 has 1
for signal in HUP USR1 WINCH; do
	send_signal "$signal" listener
	within "SIG$signal reaches it" 10 log_has listener "^outer $signal"
done
within 'and what it started' 10 log_has listener '^inner USR1'
stop listener
is "$STATUS" 9 'after SIGTERM its own status is ours'

note 'when it is announced'
start_wrapped late 5 127.0.0.1:auto -- sh -c 'until test -e "$0/listen"; do sleep 0.05; done
	exec "$1" --listen "127.0.0.1:$PORT" --service web --version 5' "$T" "$TEST_BIN/app"
within 'one that does not listen yet is told' 10 log_has late 'not registered.*refused'
ok 'and not announced' not has 5
: >"$T/listen"
within 'it is as soon as it listens' 10 has 5
stop late
is "$STATUS" 0 'and stops'
cat >"$T/check" <<'SCRIPT'
#!/bin/sh
(sleep 0.01 &)
echo "$MAYFLY_SERVICE $PORT" >>"$0.log"
SCRIPT
chmod +x "$T/check"
start_wrapped checked 5 127.0.0.1:7005 --check "exec:$T/check" --check-interval 100ms --check-fall 1 -- \
	sh -c 'while :; do (setsid sleep 0.01 &); sleep 0.02; done'
within 'another is checked by a program' 10 has 5
checked_often() { (($(wc -l <"$T/check.log") > 20)); }
within 'many times' 30 checked_often
is "$(sort -u "$T/check.log")" 'web 7005' 'which is told whom'
unlike "$(<"$T/log/checked")" 'warn' 'and never reaped with the orphans'
stop checked
run_wrapped 1 127.0.0.1:80 --check tcp --no-check -- true
is "$STATUS" 64 'a check and none is a wrong call'

note 'the order of a stop'
cat >"$T/asker" <<'SCRIPT'
trap 'echo "etcd has: $(etcdctl get --prefix --keys-only /mayfly/backends/web/2/)"; exit 5' TERM
echo ready
while :; do sleep 0.02; done
SCRIPT
start_wrapped asker 2 127.0.0.1:7002 --no-check --drain-time 500ms -- sh "$T/asker"
within 'another is announced' 10 has 2
within 'and ready' 10 log_has asker '^ready'
send_signal TERM asker
within 'SIGTERM: it is to drain' 10 says '"state":"drain"' etcd_get backends/web/2/test-127.0.0.1-7002
wait_exit asker
is "$STATUS" 5 'then it is stopped'
like "$(<"$T/log/asker")" '^etcd has: $' 'and is in etcd no more when it hears of it'

start_wrapped deaf 2 127.0.0.1:7002 --no-check --drain-time 0s --stop-time 300ms -- \
	sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
within 'one that ignores SIGTERM' 10 log_has deaf '^ready'
within 'is announced' 10 has 2
stop deaf
is "$STATUS" 137 'and killed after its time'
ok 'but withdrawn before' log_has deaf 'deregistered'

start_wrapped hasty 2 127.0.0.1:7002 --no-check --drain-time 10m --stop-time 10m -- \
	sh -c 'trap "" TERM; echo ready; while :; do sleep 0.05; done'
within 'one with much time' 10 log_has hasty '^ready'
within 'is announced, too' 10 has 2
send_signal TERM hasty
within 'and drains' 10 says '"state":"drain"' etcd_get backends/web/2/test-127.0.0.1-7002
send_signal TERM hasty # within a second: the same stop
hurry() {
	send_signal TERM hasty
	not has 2
}
within 'a second signal ends that' 10 hurry
ok 'it lives' is_running hasty
kill_hasty() { # the third may come before the stop signal is out
	send_signal TERM hasty 2>/dev/null
	! is_running hasty
}
within 'a third signal kills it' 10 kill_hasty
wait_exit hasty
is "$STATUS" 137 'and that is said'

start_wrapped quitter 2 127.0.0.1:7002 --no-check --drain-time 0s --stop-signal QUIT -- \
	sh -c 'trap "exit 6" QUIT; echo ready; while :; do sleep 0.05; done'
within 'one that stops by another signal' 10 log_has quitter '^ready'
stop quitter
is "$STATUS" 6 'gets that'

start_wrapped mortal 2 127.0.0.1:7002 --no-check --ttl 1h -- sh -c 'echo pid $$; exec "$@"' sh "${IDLE[@]}"
within 'one that will die' 10 has 2
kill -KILL "$(sed -n 's/^pid //p' "$T/log/mortal")"
wait_exit mortal
is "$STATUS" 137 'dies'
ok 'and is deregistered at once' not has 2

start_wrapped orphan 2 127.0.0.1:7002 --no-check --ttl 2s -- sh -c 'echo pid $$; exec "$@"' sh "${IDLE[@]}"
within 'one whose svcregister will be killed' 10 has 2
pid=$(sed -n 's/^pid //p' "$T/log/orphan")
stop orphan KILL
within 'does not outlive it' 10 not is_alive "$pid"

note 'no request is lost'
write_environment prod web=3@/
serve=(sh -c 'exec "$0" --listen "127.0.0.1:$PORT" --service web --version 3 --delay 5' "$TEST_BIN/app")
start_wrapped steady 3 127.0.0.1:auto -- "${serve[@]}"
start_wrapped going 3 127.0.0.1:auto --drain-time 1s -- "${serve[@]}"
two_are_up() { [[ $(haproxy_stat | grep -c '^web:3,127') == 2 ]]; }
within 'HAProxy has two' 20 two_are_up
within 'and serves' 20 serves www-prod.example.com 'web 3|web.*3'
start_load --url "$HTTP/" -H 'Host: www-prod.example.com' --connections 8
send_signal TERM going
wait_exit going 20
is "$STATUS" 0 'one of them drains and stops under load'
start_wrapped going 3 127.0.0.1:auto -- "${serve[@]}"
within 'comes back' 20 two_are_up
stop going
stop_load
is "$(load_says failed)" 0 'and no request failed'

note 'process 1'
cat >"$T/parent" <<'SCRIPT'
: >"$1"
for i in 1 2 3 4 5 6 7 8 9 10; do (setsid sh -c 'echo ended >>"$0"' "$1" &); done
zombies() { cat /proc/[0-9]*/stat 2>/dev/null | grep -c '^[0-9]* ([^)]*) Z'; }
all_are_reaped() {
	left=$(zombies)
	[ "$(wc -l <"$1")" = 10 ] && [ "$left" = 0 ]
}
n=0
until all_are_reaped "$1" || [ $n = "$2" ]; do
	sleep 0.05
	n=$((n + 1))
done
echo "I am $$, my parent is $PPID, ended: $(wc -l <"$1"), zombies: $left"
exit 4
SCRIPT
if unshare --fork --pid --mount-proc true 2>/dev/null; then
	run_in_namespace() {
		timeout $((60 * SLOW)) unshare --fork --pid --mount-proc --kill-child -- "$MAYFLY_BIN/svcregister" \
			register web 1 127.0.0.1:auto -- sh "$T/parent" "$T/ended" $((400 * SLOW)) \
			>"$T/out/stdout" 2>"$T/out/stderr" </dev/null
		STATUS=$?
	}
	run_in_namespace
	is "$STATUS" 4 'as process 1 it returns the status'
	like "$(<"$T/out/stdout")" 'my parent is 1, ended: 10, zombies: 0$' 'and reaps what its program leaves behind'
else
	note 'no PID namespace may be made here'
fi

note 'etcd is gone'
start_wrapped lonely 4 127.0.0.1:7004 --no-check -- sh -c 'trap "exit 8" TERM; while :; do sleep 0.05; done'
within 'one is announced' 10 has 4
stop etcd
send_signal TERM lonely
wait_exit lonely 15
is "$STATUS" 8 'it is stopped all the same'
like "$(<"$T/log/lonely")" 'not deregistered' 'and what could not be done is said'
run_wrapped 1 127.0.0.1:auto -- sh -c 'exit 12'
is "$STATUS" 12 'and one that ends returns its status'

done_testing
