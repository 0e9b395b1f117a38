#!/bin/bash
# Settings of applications in etcd: read and changed with Mayfly's command, and given to programs,
# which are restarted, signalled or left alone when one changes.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl

start_etcd
write_settings
stored() { etcd_revision; }

# --- written and read
said 2 'config shop log-level would be created' 'what would be done' config put shop log-level debug -n
said 0 'config shop log-level created' 'a setting' config put shop log-level debug
is "$(etcd_get config/shop/log-level)" debug '  is the key, as it was written'
before=$(etcd_revision)
said 0 'config shop log-level unchanged' 'the same again' config put shop log-level debug
is "$(etcd_revision)" "$before" '  is not written'
printf 'two\nlines = "x"\n' >"$T/value"
said 0 'config shop page created' 'from a file' config put shop page -f "$T/value"
is "$(etcd_get config/shop/page)" $'two\nlines = "x"' '  without the newline at its end'
"$MAYFLY_BIN/mayfly" config put mail db.url -f - <<<'postgres://db' >"$T/out/piped"
is "$(<"$T/out/piped")" 'config mail db.url created' '  or from standard input'
said 0 $'two\nlines = "x"' 'it is read' config get shop page
run_tool mayfly config get shop page -o json
is "$OUT" '{"scope":"shop","name":"page","value":"two\nlines = \"x\""}' '  also by programs'
run_tool mayfly config list -o name
is "$OUT" $'mail/db.url\nshop/log-level\nshop/page' 'all are listed'
run_tool mayfly config list shop
like "$OUT" '^shop +log-level +debug$' '  or those of a scope'
unlike "$OUT" mail '  and no others'
run_tool mayfly config list nobody
like "$OUT" 'mayfly config put nobody NAME VALUE' '  and how to make one'
said 0 'config shop page deleted' 'it goes' config delete shop page

is_refused 66 'config shop: "log-levle": there is none: did you mean "log-level"\?' config get shop log-levle
is_refused 66 'config shop "log-levle": there is none: did you mean "log-level"\?' config delete shop log-levle
is_refused 64 'scope: "a/b": not allowed' config put a/b c d
is_refused 64 'name: "a b": not allowed' config put shop 'a b' d
is_refused 64 '--file: say which' config put shop empty
is_refused 64 'a value, or --file, not both' config put shop x y -f "$T/value"
head -c 70000 /dev/zero | tr '\0' x >"$T/long"
is_refused 65 'longer than 65536 bytes' config put shop long -f "$T/long"
printf '\377' >"$T/bytes"
is_refused 65 'no text in UTF-8' config put shop bytes -f "$T/bytes"
is_refused 69 '127.0.0.1:9: ' config list --endpoints http://127.0.0.1:9 --timeout 1s

# --- the one of our own
run_tool mayfly allow-removal --for 1m -n
like "$STATUS $OUT" '^2 config mayfly allow-removal would be set: nothing is held back until 20.*Z$' 'what would be allowed'
from=$(date -u +%s)
run_tool mayfly allow-removal --for 1m
like "$STATUS $OUT" '^0 config mayfly allow-removal set: nothing is held back until 20.*Z$' 'for a minute all may go'
until=$(date -u -d "$(etcd_get config/mayfly/allow-removal)" +%s)
ok '  which is a time' test "$until" -ge $((from + 60))
run_tool mayfly allow-removal
ok '  or for ten minutes' test "$(date -u -d "$(etcd_get config/mayfly/allow-removal)" +%s)" -ge $((from + 600))
is_refused 64 '--for: ' allow-removal --for 2d

printf 'a\0b' | etcdctl put /mayfly/config/shop/odd >/dev/null
said 0 'config shop odd changed' 'what only begins as it is changed' config put shop odd a
said 0 'config shop odd deleted' '  and goes' config delete shop odd

# --- watched
start_tool_as watch mayfly config watch shop -o json
within 'a scope is followed' 10 log_has watch '"name":"log-level","value":"debug"'
run_tool mayfly config put shop log-level info
within '  with each change' 10 log_has watch '"name":"log-level","value":"info"'
stop watch

# --- a program with settings
exec_tool() { run_tool mayfly config exec "$@"; }
exec_tool mail -- sh -c 'echo "$DB_URL"; exit 7'
is "$STATUS $OUT" '7 postgres://db' 'a program finds them as variables, and its status is ours'
exec_tool mail -- "$T/nothing"
is "$STATUS" 127 'one that is not there: 127'
exec_tool mail -- "$T/value"
is "$STATUS" 126 'one that cannot be run: 126'
exec_tool nobody -- sh -c 'kill -KILL $$'
is "$STATUS" 137 'one that was killed: 128 and the signal, also with no settings'
is_refused 64 'say what to run: mayfly config exec SCOPE -- COMMAND' config exec mail true
is_refused 64 '"sometimes": must be restart, none, or a signal such as HUP' config exec mail --on-change sometimes -- true
is_refused 69 '127.0.0.1:9: ' config exec mail --endpoints http://127.0.0.1:9 --timeout 1s -- true
run_tool mayfly config put mail DB_URL other
is_refused 65 'config mail: DB_URL and db.url would both be the variable DB_URL' config exec mail -- true
exec_tool nobdoy -- true
like "$STATUS $ERR" '^0 warn mayfly: the scope has no setting scope=nobdoy' 'a scope that nobody has written to is named'

# --- what would decide which code it is: left out, and the rest is given
left_out=(LD_PRELOAD ld.library-path LD_AUDIT GLIBC_TUNABLES GCONV_PATH PATH HOME IFS BASH_ENV
	BASH_FUNC_ls SHELLOPTS PS4 PROMPT_COMMAND PYTHONPATH PYTHONSTARTUP PYTHONHOME PERL5LIB PERL5OPT
	NODE_OPTIONS JAVA_TOOL_OPTIONS _JAVA_OPTIONS RUBYOPT LUA_INIT_5_4 GIT_SSH_COMMAND)
for name in "${left_out[@]}"; do
	etcd_put "config/evil/$name" "$T/evil"
done
is "$(sed -n '/^.Ev LD_\*/,/^A program/s/^.Ev \([^ ]*\).*/\1/p' "$TOP/man/mayfly-security.7")" \
	"$(grep -oE '"[A-Z_][A-Z0-9_]*\*?"' "$TOP/src/operator/variable.c" | tr -d '"')" 'the manual has all such names'
etcd_put config/evil/url http://a
etcd_put config/evil/database-path /db
etcd_put config/evil/git-commit abc
exec_tool evil -- env
is "$STATUS $(grep -cF "=$T/evil" <<<"$OUT")" '0 0' 'none of them reaches the program'
for name in "${left_out[@]}"; do
	like "$ERR" "warn mayfly: a setting is left out key=/mayfly/config/evil/$name variable=[_A-Z0-9]+ reason=" "  $name is warned of"
done
like "$ERR" 'config/evil/LD_PRELOAD variable=LD_PRELOAD reason="the dynamic loader takes code from it"' '  with the reason'
like "$OUT" '^URL=http://a$' '  and what is ordinary'
like "$OUT" '^DATABASE_PATH=/db$' '  is there'
like "$OUT" '^GIT_COMMIT=abc$' '  also what only begins as one of them'
for name in database-path git-commit; do
	etcd_del "config/evil/$name"
done
etcd_del config/evil/url
exec_tool evil -- sh -c 'exit 3'
is "$STATUS" 3 'with nothing else in the scope it runs all the same'
unlike "$ERR" 'the scope has no setting' '  and the scope is known'

# prints LOG_LEVEL at its start, and "hup" at each SIGHUP; its child is gone with it
cat >"$T/service" <<EOF2
trap 'echo hup' HUP
trap 'echo term; exit 0' TERM
echo "level \$LOG_LEVEL"
while :; do
	${IDLE[*]} &
	wait
done
EOF2
is_restarted() { [[ $(grep -c 'started program=' "$T/log/restarted") == $(($1 + 1)) ]]; } # TIMES
start_tool_as restarted mayfly config exec shop -- bash "$T/service"
start_tool_as signalled mayfly config exec shop --on-change HUP -- bash "$T/service"
start_tool_as left mayfly config exec shop --on-change none -- bash "$T/service"
for name in restarted signalled left; do
	within "$name: it has the setting" 10 log_has "$name" '^level info$'
done
run_tool mayfly config put shop log-level warn
within 'a change restarts one' 10 log_has restarted '^level warn$'
ok '  which was asked to end first' log_has restarted '^term$'
within '  another one gets a signal' 10 log_has signalled '^hup$'
unlike "$(<"$T/log/signalled")" 'term|level warn' '  and lives on'
etcd_put config/shop/log-level warn
etcd_put config/other/log-level off
run_tool mayfly config put shop more 1
within 'what is new is given, too' 10 log_has restarted 'variables=2'
is "$(grep -c '^level' "$T/log/restarted")" 3 '  and an equal value, or another scope, restarts nobody'
before=$(grep -c 'restarting' "$T/log/restarted")
head -c 70000 /dev/zero | tr '\0' x | etcdctl put /mayfly/config/shop/more >/dev/null
within 'one that is too long is given to nobody' 10 log_has restarted 'left out key=/mayfly/config/shop/more .*too long'
within '  nor is what it was before' 10 is_restarted $((before + 1))
is "$(sed -n 's/.*variables=//p' "$T/log/restarted" | tail -n 1)" 1 '  who had it is started without it'
unlike "$(<"$T/log/left")" 'hup|term|level warn' 'the third is left alone all the time'

# --- asked to end
start_tool_as twice mayfly config exec shop -- bash -c 'trap "kill -TERM \$PPID; sleep 0.3; echo done; exit 3" TERM
	echo ready; while :; do sleep 0.1; done'
within 'one that needs its time to end' 10 log_has twice '^ready$'
send_signal TERM twice
within '  has it' 10 log_has twice '^done$'
wait_exit twice
is "$STATUS" 3 '  also when the signal comes twice at once, as from timeout(1)'
start_tool_as deaf mayfly config exec shop -- bash -c 'trap "echo asked" TERM RTMIN+1
	echo ready; while :; do sleep 0.1; done'
within 'one that does not end' 10 log_has deaf '^ready$'
send_signal RTMIN+1 deaf
within '  hears of every signal' 10 log_has deaf '^asked$'
hurry() { send_signal TERM deaf; not is_running deaf; }
within '  and is killed by a second one' 8 hurry
wait_exit deaf
is "$STATUS" 137 '  which its status says'

stop etcd
for name in restarted signalled left; do
	ok "$name: without etcd it goes on" is_running "$name"
done
for name in restarted signalled left; do
	stop "$name"
	is "$STATUS" 0 "$name: our end is its end"
done

done_testing
