#!/bin/bash
# An operator takes instances out of the traffic that somebody else registers: with no reload, without
# losing a request, for as long as it is said, and whatever the instance says of itself.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy dnsmasq curl socat

start_mayfly
start_instance one web 1
start_instance two web 1
start_instance other web 2
write_environment pr web=1@/
within 'an environment is there' 10 serves www-pr.example.com '^web 1 '

instances() { # their names
	run_tool mayfly instance list web 1 -o json
	for address in "${ADDRESS[one]}" "${ADDRESS[two]}"; do
		grep -o "{[^{]*\"address\":\"$address\"[^}]*}" <<<"$OUT" | sed 's/.*"instance":"\([^"]*\)".*/\1/'
	done
}
both_are_there() { [[ $(instances | wc -l) == 2 ]]; }
within 'with two instances' 10 both_are_there
mapfile -t NAMES < <(instances)
in_state() { # APP STATE: in HAProxy, where one that drains has no weight
	haproxy_cmd 'show servers state' | awk -v at="${ADDRESS[$1]}" '$5 ":" $19 == at { print $7 % 2 ? "maint" : $8 == 0 ? "drain" : "up" }' |
		grep -qx "$2"
}
reloads=$(haproxy_reloads)

# --- drained, under load
start_load --url "$HTTP/" -H 'Host: www-pr.example.com' --connections 8 --rate 300
name="web/1/${NAMES[0]}"
said 2 "instance $name would be drained" 'what would be done' instance drain web 1 "${NAMES[0]}" -n
ok '  is not' not etcd_has "states/$name"
said 0 "instance $name drained" 'one is drained' instance drain web 1 "${NAMES[0]}"
is "$(etcd_get "states/$name")" drain '  which is a key in etcd'
within '  and HAProxy drains it' 10 in_state one drain
takes_only() { # APP: ten answers, all of that one's
	for _ in {1..10}; do
		serves www-pr.example.com "^web 1 .*${ADDRESS[$1]##*:}" || return
	done
}
within '  and the other one answers alone' 10 takes_only two
said 0 "instance $name unchanged" 'the same again writes nothing' instance drain web 1 "${NAMES[0]}"
run_tool mayfly instance list web
like "$OUT" "${NAMES[0]} +${ADDRESS[one]} +drain +100 +drain" 'the list says so'
like "$OUT" "${NAMES[1]} +${ADDRESS[two]} +up +100 +-" '  and of the other one nothing'
run_tool mayfly status
like "$OUT" "instance $name: drained by an operator" 'so does the status'
like "$OUT" "-> mayfly instance up web 1 ${NAMES[0]}" '  and how to end it'
run_tool mayfly explain www-pr.example.com
like "$OUT" "${ADDRESS[one]} +drain +100 +drain" '  and why a request goes where it goes'
within 'it is in the files' 10 all_is_one

# --- its registrar changes nothing of that, and another state takes its place
stop register-one
within 'its instance goes' 10 not both_are_there
start_tool_as register-one svcregister register web 1 "${ADDRESS[one]}" --ttl 2s --id "${NAMES[0]}"
within '  and comes back as it was' 10 in_state one drain
run_tool mayfly instance maint web 1 "${NAMES[0]}" --wait --timeout 20s
like "$STATUS $OUT" "^0 instance $name put into maintenance" 'maintenance'
ok '  is in force when one has waited for it' in_state one maint

# --- the last one
said 0 "instance $name up again" 'it comes back' instance up web 1 "${NAMES[0]}"
within '  into the traffic' 10 in_state one up
within '  of which it gets its part' 10 serves www-pr.example.com "^web 1 .*${ADDRESS[one]##*:}"
stop_load
is "$(load_says failed)" 0 "and no request of $(load_says requests) is lost"
said 0 "instance $name unchanged" 'one that is up is up' instance up web 1 "${NAMES[0]}"
said 0 "instance $name drained" 'one of two' instance drain web 1 "${NAMES[0]}"
unlike "$ERR" warn '  is no reason to warn'
said 0 "instance web/1/${NAMES[1]} drained" 'the last one' instance drain web 1 "${NAMES[1]}"
like "$ERR" "no other instance of its version takes requests instance=web/1/${NAMES[1]}" '  is one'
run_tool mayfly check
is "$STATUS" 65 'the check'
like "$OUT" 'environment pr: service web: no instance of version 1 is up with a weight \(registered: 2\); by an operator: .* is drained; these answer: 2' \
	'  says who has taken them out'
like "$OUT" "-> mayfly instance up web 1 " '  and how to end it'
is "$(haproxy_reloads)" "$reloads" 'nothing of all that took a reload'

# --- fixed ones, and what is not there
etcd_put services/db '{"protocol":"http","version":"15","addresses":["'"${ADDRESS[other]}"'"]}'
fixed_is_there() { run_tool mayfly instance list db && [[ $OUT == *"${ADDRESS[other]}"* ]]; }
within 'a fixed address' 10 fixed_is_there
said 0 "instance db/15/${ADDRESS[other]} put into maintenance" '  is named by itself' instance maint db 15 "${ADDRESS[other]}"
run_tool mayfly instance list db
like "$OUT" "${ADDRESS[other]} +${ADDRESS[other]} +maint +100 +maint" '  and in maintenance'
stored() { etcdctl get --prefix /mayfly/states/; }
is_refused 66 'service "wed": there is none: did you mean "web"\?' instance drain wed 1 x
is_refused 66 'version of web "11": there is none' instance drain web 11 x
is_refused 66 "instance of web 1 \"${NAMES[0]}x\": there is none: did you mean \"${NAMES[0]}\"\?" instance up web 1 "${NAMES[0]}x"
is_refused 64 'too few operands: expected SERVICE VERSION INSTANCE' instance maint web 1
is_refused 64 'not a command: did you mean "drain"\?' instance drian web 1 x
is_refused 69 '127.0.0.1:9: ' instance drain web 1 x --endpoints http://127.0.0.1:9 --timeout 1s
etcd_put states/web/1/bad down
run_tool mayfly check
like "$OUT" 'state web/1/bad: "down": must be drain or maint' 'a value that is none is said'
like "$OUT" '-> correct the key states/web/1/bad' '  with its key'
stop register-two
gone() { ! both_are_there; }
within 'one that has gone' 10 gone
said 0 "instance web/1/${NAMES[1]} up again" '  can still be put up' instance up web 1 "${NAMES[1]}"
ok '  so that nothing is left of it' not etcd_has "states/web/1/${NAMES[1]}"
stop register-one
none_is_there() { [[ -z $(instances) ]]; }
within 'one that has gone' 10 none_is_there
run_tool mayfly status
like "$OUT" "state $name: drain is said of an instance that is not there" '  is said to have gone'
write_settings state_grace=1s
mark kvwatch
send_signal HUP kvwatch
within '  and some time after that its state ends' 30 not etcd_has "states/$name"
ok '  which is in the log' log_has kvwatch "its instance has gone: what an operator said of it is deleted instance=$name"
ok '  and that of a fixed one stays' etcd_has "states/db/15/${ADDRESS[other]}"

done_testing
