#!/bin/bash
# Each command of mayfly, on two proxies and an etcd that asks who it is: it does what it is for, and a
# wrong call, a wrong name, no right, no etcd and a deadline each have their status and a message that
# says what to do.  The commands are those of mayfly's own list: one without a row here fails.
. "$(dirname "$0")/lib.sh"

need etcd etcdctl haproxy curl socat

ROLES=1
start_etcd
write_settings
for app in 'old web 1' 'new web 2'; do
	# shellcheck disable=SC2086
	start_app $app
done
cat >"$T/envs.yaml" <<'EOF'
- {name: prod, services: [{name: web, version: 1, route: /}]}
- {name: two, extends: prod, services: [{name: web, version: 2}]}
- {name: brief, extends: prod, expires: 8h, services: []}
EOF
printf '{web: {balance: leastconn}}\n' >"$T/service.yaml"

# Each node with settings, sockets and ports of its own.
TOP_T=$T DOORS=()
for node in edge-1 edge-2; do
	T=$TOP_T/$node
	mkdir -p "$T/run" "$T/haproxy"
	ln -s "$TOP_T/log" "$TOP_T/cmd" "$T"
	ports 4
	HTTP_PORT=${PORTS[0]} INTERNAL_PORT=${PORTS[1]} LOCAL_PORT=${PORTS[2]} STATS_PORT=${PORTS[3]}
	DOORS+=("http://127.0.0.1:$HTTP_PORT")
	write_settings "node=$node" haproxy.audit=true haproxy.tap=true dnsmasq.hosts= dnsmasq.reload=
	start_tool_as "$node" kvwatch --config "$T/mayfly.yaml"
	wait_for 20 test -s "$T/haproxy/haproxy.cfg" || die 'no haproxy.cfg was written'
	start "haproxy-$node" haproxy -W -S "$T/run/master.sock" -f "$T/haproxy/haproxy.cfg"
	T=$TOP_T
done
write_settings "haproxy.admin_socket=$T/edge-1/run/admin.sock" # whom audit, tap and top ask
etcd_put fleet/ghost '{}'
etcd_put backends/web/1/a "${ADDRESS[old]}"
etcd_put backends/web/2/b "${ADDRESS[new]}"

# COMMAND; the words behind it; its status then; other words, of which one names what is not there, or -;
# and what both proxies answer for ENV then, as ENV REGEX.  In this order.
rows="
node forget;    ghost;                      0; gost
env apply;      -f $T/envs.yaml --wait;     0; -f $T/none.yaml;     prod ^web 1 .*200\$
env set;        dev --extends prod web=2 --wait; 0; dev --extends prop; dev ^web 2 .*200\$
env list;       ;                           0; -E $T/none
env show;       dev;                        0; deb
env history;    prod;                       0; prop
status;         ;                           0; -E $T/none
check;          dev;                        0; deb
matrix;         dev;                        0; deb
audit;          dev;                        0; deb
tap;            ;                           0; -
top;            --for 1s;                   0; -
explain;        http://www-dev.example.com/; 0; http://www-none.example.com/
service list;   ;                           0; -E $T/none
service show;   web;                        0; wep
service unused; ;                           0; -E $T/none
service apply;  -f $T/service.yaml --wait;  0; -f $T/none.yaml;     dev ^web 2 .*200\$
service delete; web --wait;                 0; wep
instance list;  web 1;                      0; web 3
instance drain; web 2 b --wait;             0; web 2 c;             dev no-instance.*503\$
instance maint; web 2 b --wait;             0; web 2 c;             dev no-instance.*503\$
instance up;    web 2 b --wait;             0; web 2 c;             dev ^web 2 .*200\$
route list;     dev;                        0; deb
route set;      dev web 1 --wait;           0; deb web 1;           dev ^web 1 .*200\$
split;          dev two=100 --wait;         0; dev twp=100;         dev ^web 2 .*200\$
env undo;       dev --wait;                 0; deb;                 dev ^web 1 .*200\$
env keep;       brief --for 10h;            0; breif
env diff;       dev two;                    2; dev twp
env delete;     dev --wait;                 0; deb;                 dev no-environment.*503\$
env restore;    dev --wait;                 0; deb;                 dev ^web 1 .*200\$
node list;      ;                           0; -
wait;           dev;                        0; deb
name set;       db.example.com 10.0.0.5;    0; -
name list;      ;                           0; -E $T/none
config put;     app url x;                  0; app url -f $T/none.yaml
config list;    ;                           0; -
config get;     app url;                    0; app urk
config watch;   app;                        0; -
config exec;    app -- test x;              0; -
snapshot save;  $T/snapshot;                0; -
name delete;    db.example.com;             0; dc.example.com
config delete;  app url;                    0; app urk
snapshot restore; $T/snapshot;              0; $T/none.json
name reset;     ;                           0; -
allow-removal;  --for 1m;                   0; -
console;        --listen unix:$T/run/console; 0; -
"
mapfile -t rows < <(sed -E '/^$/d; s/ *; +/;/g; s/;$/; /' <<<"$rows")

run_tool mayfly help
# Those that run docker-compose, or need a key, have stories of their own.
mapfile -t commands < <(sed -nE '/^commands:/,/^$/s/^  ([a-z-]+( [a-z]+)?) .*/\1/p' <<<"$OUT" |
	grep -vxE 'up|ps|down|link')
ok 'there are commands' [ "${#commands[@]}" -gt 30 ]
is "$(printf '%s\n' "${rows[@]%%;*}" | sort)" "$(printf '%s\n' "${commands[@]}" | sort)" 'each of them has a row here'

# each_row FUNCTION: with the row's parts in COMMAND, WORDS, EXPECTED, WRONG and THEN
each_row() {
	local row

	for row in "${rows[@]}"; do
		IFS=';' read -r command words EXPECTED WRONG THEN <<<"$row"
		read -r -a COMMAND <<<"$command"
		read -r -a WORDS <<<"$words"
		"$1"
	done
}
declare -A HELP=() # by command: the page is asked for once
takes() { # OPTION
	local command=${COMMAND[*]}

	: "${HELP[$command]:=$("$MAYFLY_BIN/mayfly" "${COMMAND[@]}" --help)}"
	[[ ${HELP[$command]} == *" --$1 "* ]]
}

# All at once, as most of it is waiting.
STARTED=()
begin() { # NAME WORD...
	local out=$T/out/$1-${COMMAND[*]}

	{
		"$MAYFLY_BIN/mayfly" "${COMMAND[@]}" "${@:2}" >"$out" 2>&1 </dev/null
		printf '%d\n' $? >"$out.status"
	} &
	STARTED+=($!)
}
# ends NAME STATUS REGEX
ends() {
	local out="$T/out/$1-${COMMAND[*]}"

	is "$(<"$out.status")" "$2" "${COMMAND[*]}: $1: $2"
	like "$(<"$out")" "$3" '  says what to do'
}
operator=(--user operator:pw-operator)
# The others ask this host's HAProxy alone, as tap and top do without a token for the rest.
asks_etcd() { [[ ${COMMAND[*]} != t[ao]p ]] && takes timeout; }

# It shows that etcd is away, and waits.
stays() { [[ ${COMMAND[*]} == console ]]; }

mistype() { begin 'a wrong call' --nonsense "${WORDS[@]}"; }
find_nobody() {
	if stays; then
		return 0
	elif asks_etcd; then
		begin 'no etcd' "${operator[@]}" --endpoints http://127.0.0.1:9 --timeout 1s "${WORDS[@]}"
	else
		begin 'no HAProxy' --config "$T/nowhere.yaml" "${WORDS[@]}"
	fi
}
find_it_frozen() { stays || ! asks_etcd || begin 'a deadline' "${operator[@]}" --timeout 2s "${WORDS[@]}"; }
judge_the_rest() {
	ends 'a wrong call' 64 "\\(see mayfly ${COMMAND[*]} --help\\)"
	! stays || return 0
	if ! asks_etcd; then
		ends 'no HAProxy' 69 'run/none.sock: .*'
		return 0
	fi
	ends 'no etcd' 69 '127\.0\.0\.1:9: .*\(--endpoints, or etcd.endpoints in the settings, says where etcd is\)'
	ends 'a deadline' 75 'etcd:? .*127\.0\.0\.1:[0-9]+: .*\(--timeout says how long to wait\)'
}

answer() { fetch "www-$2.example.com" "$1/" | tr '\n' ' ' | sed 's/ *$//'; } # DOOR ENV
is_seen() {
	fetch www-prod.example.com "${DOORS[0]}/" >/dev/null
	grep -q . "$T/out/watched"
}
watch_it() { # OPTION...
	"$MAYFLY_BIN/mayfly" "${COMMAND[@]}" "$@" "${WORDS[@]}" >"$T/out/watched" 2>&1 &
	STATUS=$!
	wait_for 10 is_seen
	kill -INT "$STATUS"
	wait "$STATUS"
	STATUS=$?
}
do_it() {
	local name=${COMMAND[*]} who=team-a door env regex

	if asks_etcd; then
		! takes dry-run || who=reader # who may read everything, but write nothing
		run_tool mayfly "${COMMAND[@]}" --user "$who:pw-$who" "${WORDS[@]}"
		is "$STATUS" 77 "$name: no right: 77"
		like "$ERR" "permission denied: user $who lacks a role to .*, see mayfly-security\\(7\\)" \
			'  says what to do'
	fi
	if [[ $WRONG != - ]]; then
		read -r -a WRONG <<<"$WRONG"
		run_tool mayfly "${COMMAND[@]}" "${WRONG[@]}"
		is "$STATUS" 66 "$name: a wrong name: 66"
		like "$ERR$OUT" 'did you mean|there is none|No such file|mayfly env list' '  says what to do'
	fi
	case $name in
	'config watch') watch_it "${operator[@]}" ;;
	tap | console) watch_it "${operator[@]}" ;;
	*) run_tool mayfly "${COMMAND[@]}" "${WORDS[@]}" ;;
	esac
	is "$STATUS" "$EXPECTED" "$name: does it"
	[[ $STATUS == "$EXPECTED" ]] || diag "$OUT" "$ERR"
	[[ -n $THEN ]] || return 0
	read -r env regex <<<"$THEN"
	for door in "${DOORS[@]}"; do
		like "$(answer "$door" "$env")" "$regex" '  on both proxies'
	done
}

each_row mistype
each_row do_it
printf 'haproxy: {admin_socket: %s}\n' "$T/run/none.sock" >"$T/nowhere.yaml"
each_row find_nobody
send_signal STOP etcd
each_row find_it_frozen
wait "${STARTED[@]}"
send_signal CONT etcd
each_row judge_the_rest

done_testing
