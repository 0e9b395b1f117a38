#!/bin/bash
# Health: an instance is announced once it passes its checks, leaves etcd and the rotation when it
# dies or hangs, and comes back when it recovers, while the others lose no request.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

start_mayfly
write_environment dev web=1@/

often=(--check-interval 200ms --check-timeout 1s --check-fall 2)
# An app, and one who announces it as NAME.
register() { # NAME SERVICE VERSION [OPTION...]
	start_app "$1" "$2" "$3"
	start_tool_as "register-$1" svcregister register "$2" "$3" "${ADDRESS[$1]}" --id "$1" \
		"${often[@]}" "${@:4}"
}
health() { curl -s --max-time $((10 * SLOW)) -X POST "http://${ADDRESS[$1]}/health?$2"; } # NAME ok|fail
value_is() { [[ $(etcd_get "backends/$1") == "$2" ]]; }
state_is() { says "\"state\":\"$2\"" etcd_get "backends/$1"; }
is_served() { haproxy_stat | grep -qE "^web:1,${ADDRESS[$1]},.*,(UP|no check),"; }
in_rotation() { etcd_has "backends/web/1/$1" && is_served "$1"; }
is_out() { ! etcd_has "backends/web/1/$1" && ! is_served "$1"; }

# --- before the first success --------------------------------------------------------------------

start_app late web 1
health late fail >/dev/null
start_tool_as register-late svcregister register web 1 "${ADDRESS[late]}" --id late \
	--check http:/health "${often[@]}"
within 'an instance that fails from the start is told' 10 \
	log_has register-late 'not registered.*http .*/health: status 503, not 200-399'
ok 'and not announced' is_out late
health late ok >/dev/null
within 'it is announced with its first success' 10 in_rotation late

for name in killed hung good; do
	register "$name" web 1 --check http:/health --check tcp
done
for name in killed hung good; do
	within "$name passes two checks" 10 in_rotation "$name"
done

# --- one dies, one hangs -------------------------------------------------------------------------

stop killed KILL
within 'one that was killed leaves etcd and the rotation' 5 is_out killed
ok 'with the reason' log_has register-killed 'warn .*failing: withdrawn key=/mayfly/backends/web/1/killed reason='
send_signal STOP hung
within 'so does one that hangs' 8 is_out hung
ok 'with the reason' log_has register-hung 'no answer within 1000ms'

start_load --url "$HTTP/" -H 'Host: www-dev.example.com' --connections 8 --rate 300 --timeout 2s
mark register-killed
mark register-hung
start killed "$TEST_BIN/app" --listen "${ADDRESS[killed]}" --service web --version 1
within 'the one comes back when it is started again' 10 in_rotation killed
send_signal CONT hung
within 'the other when it goes on' 10 in_rotation hung
answered_by() { fetch www-dev.example.com "$HTTP/" | grep -q "at ${ADDRESS[$1]} "; }
within 'and they are asked again' 10 answered_by killed
within 'both' 10 answered_by hung
stop_load
is "$(load_says failed)" 0 "meanwhile the others lost no request of $(load_says requests)"
for name in killed hung; do
	is "$(grep -c ' back key=' "$T/log/register-$name")" 1 "that $name is back is said once"
	is "$(grep -c ' failing: ' "$T/log/register-$name")" 1 'as was that it failed'
done

# --- drained instead of withdrawn ----------------------------------------------------------------

register slow web 2 --check http:/health --on-fail drain --ttl 2s --log-level debug
within 'another is announced' 10 value_is web/2/slow "${ADDRESS[slow]}"
lease() { etcdctl get --write-out=json /mayfly/backends/web/2/slow | sed -n 's/.*"lease":\([0-9]*\).*/\1/p'; }
first=$(lease)
health slow fail >/dev/null
within '--on-fail drain: it is drained' 5 state_is web/2/slow drain
health slow ok >/dev/null
within 'and comes back' 5 value_is web/2/slow "${ADDRESS[slow]}"
send_signal STOP slow
within 'when it hangs, too' 5 state_is web/2/slow drain
mark register-slow
hangs_long() { (($(tail -n "+${MARK[register-slow]}" "$T/log/register-slow" | grep -c 'check failed') > 4)); }
within 'and goes on hanging, for longer than the lease' 30 hangs_long
is "$(lease)" "$first" 'the lease is the same'
send_signal CONT slow
within 'until it recovers' 10 value_is web/2/slow "${ADDRESS[slow]}"

# --- what can be asked ---------------------------------------------------------------------------

cat >"$T/probe" <<'EOF'
#!/bin/sh
echo "$MAYFLY_SERVICE $MAYFLY_VERSION $MAYFLY_INSTANCE $MAYFLY_ADDRESS:$PORT $1" >"$2.told"
[ -e "$2" ] || { echo "no $1"; exit 3; }
EOF
chmod 755 "$T/probe"
register exec web 3 --check "exec:$T/probe sign $T/sign"
within 'a program is asked, and its words are told' 10 \
	log_has register-exec "not registered.*probe: exit status 3: no sign"
is "$(<"$T/sign.told")" "web 3 exec ${ADDRESS[exec]} sign" 'it is told of what'
touch "$T/sign"
within 'it passes' 10 etcd_has backends/web/3/exec

register asked web 4 --check http:/headers --check-method POST --check-header 'Host: shop.example' \
	--check-header 'X-Probe: yes' --check-text 'X-Probe: yes'
within 'a method, header fields and a text' 10 etcd_has backends/web/4/asked
register text web 5 --check http:/ --check-text 'not there'
within 'a text that is not there' 10 log_has register-text 'status 200, but the text is not there'
register status web 6 --check 'http:/status?code=404' --check-status 404
within 'a status' 10 etcd_has backends/web/6/status
ok 'what fails is not announced' not etcd_has backends/web/5/text

# One that accepts and never answers, so that there is no verdict for some time.
ports 1
start mute socat "TCP-LISTEN:${PORTS[0]},bind=127.0.0.1,reuseaddr,fork" "SYSTEM:exec ${IDLE[*]}"
mute_is_up() { socat -u OPEN:/dev/null "TCP:127.0.0.1:${PORTS[0]}"; }
wait_for 10 mute_is_up || die 'the one that never answers does not come up'
start_tool_as register-early svcregister register web 7 "127.0.0.1:${PORTS[0]}" --id early --check http:/ \
	--initial up --tag blue --tag 'a "b"' --check-timeout 4s --check-interval 5s --check-fall 1
within '--initial up is announced at once, with its tags' 5 \
	says '"tags":\["blue","a \\"b\\""\]' etcd_get backends/web/7/early
within 'until its check fails' 20 not etcd_has backends/web/7/early

# --- wrong calls ---------------------------------------------------------------------------------

while IFS='|' read -r words why; do
	# shellcheck disable=SC2086 # words
	run_tool svcregister register web 1 127.0.0.1:1 $words
	is "$STATUS" 64 "$words: a wrong call"
	like "$ERR" "$why" 'that is named'
done <<'EOF'
--check udp|--check: "udp": must be tcp, tcp:PORT
--check tcp --check-interval 10|--check-interval: "10": must be a duration with a unit
--check tcp --check-status 200|--check-status: only for http and https
--check-fall 2|--check-fall: only with --check
--check tcp --on-fail die|--on-fail: "die": must be one of withdraw, drain
--check tcp --initial no|--initial: "no": must be one of down, up
--initial up|--initial: only with --check
--state away|--state: "away": must be one of up, drain, maint
EOF

done_testing
